"""Mailgun, mail."""

from crier.sandbox import Entry
from crier.sandbox.mail import preview
from crier.sandbox.mailgun import RATE_PERIOD
from crier.sandbox.mailgun.request import read
from services.email.providers import VENDORS
from services.email.providers.mailgun_codes import OUTCOMES, row_of
from shared.providers.port import Found
from tests.contracts.case import CANARY, DEAD, FAULT, REFUSED, UNKNOWN, Case, Received, after, answered, mail


def _read_mailgun(entry: Entry) -> Received:
    request = read(entry.received["headers"]["content-type"], entry.received["body"].encode())
    assert request.message is not None
    text = preview(request.message).text.removesuffix("\r\n").replace("\r\n", "\n")
    [target] = request.to
    return Received(target, text)


CASE = Case(
    name="mailgun",
    vendor=VENDORS["mailgun"],
    message=mail,
    read=_read_mailgun,
    target="ada@example.org",
    elsewhere=lambda settings, host, port: {**settings, "MAILGUN_BASE_URL": f"http://{host}:{port}"},
    wrong_login=lambda settings, _: {**settings, "MAILGUN_API_KEY": CANARY},
    secrets=lambda settings: [settings["MAILGUN_API_KEY"], CANARY],
    refusals={
        "400": REFUSED, "400 to": DEAD, "400 sandbox": FAULT, "400 free": FAULT, "400 unverified": FAULT,
        "400 inactive": FAULT, "401": FAULT, "403": FAULT, "403 batch": FAULT, "404": FAULT, "413": REFUSED,
        "420": after(RATE_PERIOD), "429": after(RATE_PERIOD), "429 bytes": after(RATE_PERIOD), "500": UNKNOWN,
    },
    absent=Found.UNCLEAR,
    table=OUTCOMES,
    row_of=lambda entry: row_of(answered(entry)),
)  # fmt: skip
