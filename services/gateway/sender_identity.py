"""`/v1/identity`: who a project's messages come from."""

from collections.abc import Mapping
from typing import Any

from flask import Response
from flask_smorest import Blueprint
from marshmallow import ValidationError, fields, validate

from services.gateway.answers import answer
from services.gateway.auth import identity
from services.gateway.bodies import json_body
from services.gateway.parts import parts
from services.gateway.routes import route
from shared.errors import InvalidInput
from shared.intake.problems import StrictSchema, load
from shared.messages.fields import EmailAddress, Line
from shared.messages.sms_senders import sender_problem
from shared.senders.identity import BRAND_FIELDS
from shared.templates.brand import Brand

KB = 1024

blueprint = Blueprint("identity", __name__, url_prefix="/v1/identity", description="Who messages come from.")


class EmailIdentitySchema(StrictSchema):
    """Where mails come from."""

    # A name that Python keeps for itself.
    from_ = EmailAddress(data_key="from", metadata={"example": "hello@shop.example"})
    name = Line(validate=validate.Length(1, 100), metadata={"description": "Beside it.", "example": "The Shop"})
    reply_to = EmailAddress(metadata={"description": "Where answers go.", "example": "help@shop.example"})


class Senders(fields.Dict):
    """SMS senders by country."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> dict[str, str]:
        if not isinstance(value, Mapping) or not all(isinstance(item, str) for item in value.values()):
            raise ValidationError('Must be an object such as {"GB": "Shop", "*": "+447700900000"}.')
        problems = [problem for country, sender in value.items() if (problem := sender_problem(str(country), sender))]
        if problems:
            raise ValidationError(problems)
        return dict(value)


class SmsIdentitySchema(StrictSchema):
    """Who SMS come from."""

    senders = Senders(metadata={"description": "By ISO 3166 country; `*` for all others.", "type": "object"})


class Branding(fields.Dict):
    """The fields of a Brand, any of them left out."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> dict[str, str]:
        if not isinstance(value, Mapping):
            raise ValidationError("Must be an object.")
        unknown = [str(name)[:80] for name in value if name not in BRAND_FIELDS]
        if unknown:
            raise ValidationError(f"There is no {unknown[0]}; there are {', '.join(BRAND_FIELDS)}.")
        if not all(isinstance(item, str) for item in value.values()):
            raise ValidationError("Every value must be text.")
        try:
            Brand(**value)
        except InvalidInput as error:
            raise ValidationError(
                [f"{path.removeprefix('brand.')}: {' '.join(all_)}" for path, all_ in error.fields.items()]
            ) from None
        return dict(value)


class SenderIdentitySchema(StrictSchema):
    """A project's sender identity. What is left out is the installation's."""

    email = fields.Nested(EmailIdentitySchema)
    sms = fields.Nested(SmsIdentitySchema)
    brand = Branding(
        metadata={"description": "What templates show.", "example": {"name": "The Shop", "accent": "#0a7d5a"}}
    )


_IDENTITY = SenderIdentitySchema()


@route(
    blueprint, "GET", "", scope="read", name="getIdentity",
    answers=(200, SenderIdentitySchema, "What the project says of itself."),
)  # fmt: skip
def show() -> Response:
    """The project's sender identity

    What it leaves out is the installation's.
    """
    return answer(parts().identities.stored(identity().project_id))


@route(
    blueprint, "PUT", "", scope="admin", name="putIdentity",
    answers=(200, SenderIdentitySchema, "What the project says of itself from now on."),
    body={"application/json": SenderIdentitySchema}, about_body="16 KB; an empty object returns to the installation's.",
)  # fmt: skip
def change() -> Response:
    """Say who the project's messages come from

    Noticed everywhere within seconds, by messages that wait too.
    """
    asked = _IDENTITY.dump(load(_IDENTITY, json_body(16 * KB)))
    sender = asked.get("email", {}).get("from")
    if sender and (problem := parts().allowed_senders.refusal(sender)):
        raise InvalidInput({"email.from": [problem]})
    parts().identities.change(identity().project_id, asked)
    return answer(asked)
