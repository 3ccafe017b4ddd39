"""SendGrid, mail."""

import json

from crier.sandbox import Entry
from crier.sandbox.sendgrid import RATE_PERIOD
from services.email.providers import VENDORS
from services.email.providers.sendgrid_codes import OUTCOMES, row_of
from shared.providers.port import Found, Sent
from tests.contracts.case import CANARY, DEAD, FAULT, REFUSED, UNKNOWN, Case, Received, after, answered, mail


def _read_sendgrid(entry: Entry) -> Received:
    body = json.loads(entry.received["body"])
    text, html = body["content"]
    assert html == {"type": "text/html", "value": f"<p>{text['value']}</p>"}
    return Received(body["personalizations"][0]["to"][0]["email"], text["value"])


CASE = Case(
    name="sendgrid",
    vendor=VENDORS["sendgrid"],
    message=mail,
    read=_read_sendgrid,
    target="ada@example.org",
    elsewhere=lambda settings, host, port: {**settings, "SENDGRID_BASE_URL": f"http://{host}:{port}"},
    wrong_login=lambda settings, _: {**settings, "SENDGRID_API_KEY": CANARY},
    secrets=lambda settings: [settings["SENDGRID_API_KEY"], CANARY],
    refusals={
        "400": REFUSED, "400 to": DEAD, "401": FAULT, "401 credits": FAULT, "403": FAULT, "404": REFUSED,
        "405": REFUSED, "406": REFUSED, "413": REFUSED, "415": REFUSED, "429": after(RATE_PERIOD), "451": FAULT,
        "500": UNKNOWN, "503": UNKNOWN,
    },
    absent=Found.UNCLEAR,
    table=OUTCOMES,
    row_of=lambda entry: row_of(answered(entry)),
    # The acceptance is a status and a header; its body is empty.
    cut_short=Sent,
    padded=Sent,
)  # fmt: skip
