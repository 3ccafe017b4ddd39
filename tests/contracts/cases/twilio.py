"""Twilio, SMS."""

from urllib.parse import parse_qs

from crier.sandbox import Entry
from services.sms.providers import VENDORS
from tests.contracts.case import CANARY, DEAD, FAULT, REFUSED, UNKNOWN, Case, Received, after, sms


def _read_twilio(entry: Entry) -> Received:
    form = parse_qs(entry.received["body"], keep_blank_values=True, strict_parsing=True)
    assert form["ValidityPeriod"] == ["3600"]
    return Received(form["To"][0], form["Body"][0])


CASE = Case(
    name="twilio",
    vendor=VENDORS["twilio"],
    message=sms,
    read=_read_twilio,
    target="+447700900123",
    elsewhere=lambda settings, host, port: {**settings, "TWILIO_BASE_URL": f"http://{host}:{port}"},
    wrong_login=lambda settings, _: {**settings, "TWILIO_AUTH_TOKEN": CANARY},
    secrets=lambda settings: [settings["TWILIO_AUTH_TOKEN"], CANARY],
    refusals={
        "20003": FAULT, "20429": after(60), "20500": UNKNOWN, "20503": UNKNOWN, "21211": DEAD, "21611": after(900),
        "21614": DEAD, "21701": FAULT,
    } | dict.fromkeys(
        ("20001", "20404", "21212", "21266", "21408", "21602", "21603", "21604", "21606", "21609", "21610", "21612",
         "21617", "21624", "21910"), REFUSED,
    ),
    # Reported after the message was accepted.
    not_refusals=frozenset(
        ("30001", "30002", "30003", "30004", "30005", "30006", "30007", "30008", "30022", "30034", "30036", "30450")
    ),
    carries_id=False,
)  # fmt: skip
