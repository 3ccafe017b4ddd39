"""The OpenAPI side of the application."""

from flask import Flask
from flask_smorest import Api
from marshmallow import Schema, fields

from services.gateway.problems import MEDIA_TYPE
from shared.intake.request import content_component
from shared.messages.content import CONTENT_SCHEMAS


class ProblemErrorSchema(Schema):
    """One mistake of a request."""

    field = fields.String(required=True, metadata={"example": "to.email"})
    problem = fields.String(required=True)


class ProblemSchema(Schema):
    """A problem document (RFC 9457)."""

    type = fields.String(required=True, metadata={"example": "/docs/problems#invalid-request"})
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String()
    instance = fields.String(required=True)
    errors = fields.List(fields.Nested(ProblemErrorSchema))


class CrierApi(Api):
    """flask-smorest's Api, with problem documents as its errors."""

    ERROR_SCHEMA = ProblemSchema

    def _register_error_handlers(self) -> None:
        """`problems.register` has done that."""

    def _register_responses(self) -> None:
        self.DEFAULT_RESPONSE_CONTENT_TYPE = MEDIA_TYPE
        super()._register_responses()
        del self.DEFAULT_RESPONSE_CONTENT_TYPE


def make_api(app: Flask) -> CrierApi:
    """Document `app`; blueprints registered with the result are documented too."""
    app.config |= {
        "API_TITLE": "Crier",
        "API_VERSION": "v1",
        "OPENAPI_VERSION": "3.1.0",
        "OPENAPI_URL_PREFIX": "/",
        "API_SPEC_OPTIONS": {
            "info": {"description": _INTRODUCTION},
            "security": [{"key": []}],
        },
    }
    api = CrierApi(app)
    for channel, schema in CONTENT_SCHEMAS.items():
        api.spec.components.schema(content_component(channel), schema=schema)
    api.spec.components.security_scheme(
        "key", {"type": "http", "scheme": "bearer", "bearerFormat": "crier_…", "description": "An API key."}
    )
    return api


_INTRODUCTION = (
    "Delivers notifications: one call; email, SMS, WhatsApp, push, in-app, chat, webhook; nothing that was accepted "
    "is ever lost.\n\n"
    "`202` means that what you asked for is in the ledger. Every error is a problem document (RFC 9457)."
)
