"""The HTTP gateway, in the form it has when nothing is configured but an address and a key."""

from urllib.parse import urlsplit

from crier.sandbox import Entry
from crier.sandbox.sms_gateway import read_fields
from services.sms.providers import VENDORS
from tests.contracts.case import (
    CANARY,
    DEAD,
    FAULT,
    LATER,
    OPTED_OUT,
    REFUSED,
    UNKNOWN,
    Case,
    Environment,
    Received,
    after,
    sms,
)


def _read(entry: Entry) -> Received:
    fields = read_fields(entry)
    assert fields.keys() == {"to", "text", "id"}
    return Received(fields["to"], fields["text"])


def _elsewhere(settings: Environment, host: str, port: int) -> Environment:
    return {**settings, "SMS_API_URL": f"http://{host}:{port}{urlsplit(settings['SMS_API_URL']).path}"}


CASE = Case(
    name="http",
    vendor=VENDORS["http"],
    message=sms,
    read=_read,
    target="+447700900123",
    elsewhere=_elsewhere,
    wrong_login=lambda settings, _: {**settings, "SMS_API_KEY": CANARY},
    secrets=lambda settings: [settings["SMS_API_KEY"], CANARY],
    refusals={
        "unauthorized": FAULT, "insufficient_balance": FAULT, "blocked": FAULT, "invalid_number": DEAD,
        "unknown_subscriber": DEAD, "opted_out": OPTED_OUT,
        "unavailable": LATER, "internal_error": UNKNOWN, "too_many_requests": after(60),
    } | dict.fromkeys(("invalid_text", "invalid_sender", "malformed", "unknown_field"), REFUSED),
)  # fmt: skip
