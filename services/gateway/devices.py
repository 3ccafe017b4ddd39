"""`/v1/recipients/{user_id}/devices`: where a user's push notifications go."""

from flask import Response, request
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate

from services.gateway.answers import answer
from services.gateway.auth import identity
from services.gateway.bodies import json_body
from services.gateway.parts import parts
from services.gateway.routes import query, route
from shared.errors import InvalidInput, NotFound
from shared.intake.problems import StrictSchema, load
from shared.intake.recipient import DEVICE_TOKEN
from shared.messages.fields import Line

PLATFORMS = ("android", "ios", "web")
KB = 1024

blueprint = Blueprint(
    "devices", __name__, url_prefix="/v1/recipients", description="Where a user's push notifications go."
)


class DeviceRequestSchema(StrictSchema):
    """A device to register."""

    token = Line(
        required=True,
        validate=DEVICE_TOKEN,
        metadata={"description": "What the vendor knows it by: FCM's token, OneSignal's subscription id."},
    )
    platform = fields.String(
        required=True, validate=validate.OneOf(PLATFORMS, error=f"Must be one of {', '.join(PLATFORMS)}.")
    )
    replaces = Line(
        allow_none=True,
        validate=DEVICE_TOKEN,
        metadata={
            "description": "The token it had before, when a vendor gave it a new one. That one is forgotten, and what "
            "waits for it goes to the new one."
        },
    )


class DeviceSchema(Schema):
    """An installation of an app."""

    token = fields.String(required=True)
    platform = fields.String(required=True)
    registered_at = fields.DateTime(required=True)


class DeviceListSchema(Schema):
    """A user's devices, oldest first."""

    items = fields.List(fields.Nested(DeviceSchema), required=True)


class _UserSchema(StrictSchema):
    user_id = Line(validate=validate.Length(1, 200))


_DEVICE, _USER = DeviceRequestSchema(), _UserSchema()


@route(
    blueprint, "PUT", "/<user_id>/devices", scope="send", name="registerDevice",
    answers=(200, DeviceListSchema, "The user's devices."),
    body={"application/json": DeviceRequestSchema}, about_body="16 KB.",
)  # fmt: skip
def register(user_id: str) -> Response:
    """Register a device

    A token belongs to whoever registered it last. Registering it again makes it the user's latest and changes nothing
    else. A user has up to 100 devices: one more takes the place of the one registered longest ago.
    """
    load(_USER, {"user_id": user_id})
    device = load(_DEVICE, json_body(16 * KB))
    parts().devices.register(
        identity().project_id, user_id, device["token"], device["platform"], replaces=device.get("replaces")
    )
    return _devices(user_id)


@route(
    blueprint, "GET", "/<user_id>/devices", scope="read", name="listDevices",
    answers=(200, DeviceListSchema, "The user's devices."),
)  # fmt: skip
def show(user_id: str) -> Response:
    """A user's devices"""
    return _devices(user_id)


@route(
    blueprint, "DELETE", "/<user_id>/devices", scope="send", name="removeDevice",
    answers=(200, DeviceListSchema, "The devices that are left."),
    parameters=[query("token", "The device's token.", minLength=1) | {"required": True}],
)  # fmt: skip
def remove(user_id: str) -> Response:
    """Remove a device"""
    token = request.args.get("token")
    if not token:
        raise InvalidInput({"token": ["Say which device: ?token=…"]})
    project_id = identity().project_id
    if not any(device.token == token for device in parts().devices.of(project_id, user_id)):
        raise NotFound("This user has no such device.")
    parts().devices.drop(project_id, token)
    return _devices(user_id)


def _devices(user_id: str) -> Response:
    return answer({"items": parts().devices.of(identity().project_id, user_id)})
