"""Twilio: SMS and WhatsApp are one API, and one stand-in."""

from dataclasses import replace
from urllib.parse import parse_qs

from crier.sandbox import Entry
from services.sms.providers import VENDORS as SMS_VENDORS
from services.whatsapp.providers import VENDORS as WHATSAPP_VENDORS
from shared.providers.port import Found
from shared.twilio.codes import OUTCOMES
from tests.contracts.case import (
    ALERT,
    CANARY,
    DEAD,
    FAULT,
    LATER,
    OPTED_OUT,
    REFUSED,
    UNKNOWN,
    Case,
    Received,
    after,
    answered,
    sms,
    whatsapp,
)

FULL = after(900, "nobody")
REFUSALS = {
    "20429": after(60), "20500": UNKNOWN, "20503": UNKNOWN, "21610": OPTED_OUT, "21611": FULL,
} | dict.fromkeys(("21211", "21614", "21635"), DEAD) | dict.fromkeys(
    ("10001", "20003", "20005", "21212", "21601", "21660", "21661", "21701", "21702", "21704", "21705", "63007",
     "90010"), FAULT,
) | dict.fromkeys(("21408", "21606", "21612", "21659", "21703"), ALERT) | dict.fromkeys(
    ("20001", "20404", "21266", "21602", "21603", "21604", "21609", "21617", "21620", "21624", "21654", "21655",
     "21656", "21658", "21910"), REFUSED,
)  # fmt: skip
REPORTED = {
    "30001": FULL, "30003": after(1800, "nobody"), "30008": after(1800, "nobody"), "30022": FULL, "63014": OPTED_OUT,
    "63017": LATER, "63018": FULL, "63038": after(900),
} | dict.fromkeys(("30002", "63001", "63002", "63008"), FAULT) | dict.fromkeys(
    ("30005", "30006", "63003"), DEAD,
) | dict.fromkeys(
    ("30004", "30007", "30034", "30450", "63027", "63040", "63041", "63042"), ALERT,
) | dict.fromkeys(
    ("30036", "30410", "63005", "63006", "63013", "63015", "63016", "63021", "63024", "63028", "63032", "63033",
     "63049"), REFUSED,
)  # fmt: skip
"""Of messages that were taken: `test_reported.py`."""


def _read(entry: Entry) -> Received:
    form = parse_qs(entry.received["body"], keep_blank_values=True, strict_parsing=True)
    assert form["ValidityPeriod"] == ["3600"]
    return Received(form["To"][0].removeprefix("whatsapp:"), form["Body"][0])


SMS = Case(
    name="twilio",
    channel="sms",
    vendor=SMS_VENDORS["twilio"],
    message=sms,
    read=_read,
    target="+447700900123",
    elsewhere=lambda settings, host, port: {**settings, "TWILIO_BASE_URL": f"http://{host}:{port}"},
    wrong_login=lambda settings, _: {**settings, "TWILIO_AUTH_TOKEN": CANARY},
    secrets=lambda settings: [settings["TWILIO_AUTH_TOKEN"], CANARY],
    refusals=REFUSALS,
    reported=REPORTED,
    absent=Found.ABSENT,
    table=OUTCOMES,
    row_of=lambda entry: OUTCOMES.get(answered(entry).json().get("code", 0)),
    carries_id=False,
)

WHATSAPP = replace(SMS, channel="whatsapp", vendor=WHATSAPP_VENDORS["twilio"], message=whatsapp)
