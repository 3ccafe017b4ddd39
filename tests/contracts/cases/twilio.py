"""Twilio: SMS and WhatsApp are one API, and one stand-in."""

from dataclasses import replace
from urllib.parse import parse_qs

from crier.sandbox import Entry
from services.sms.providers import VENDORS as SMS_VENDORS
from services.whatsapp.providers import VENDORS as WHATSAPP_VENDORS
from tests.contracts.case import CANARY, DEAD, FAULT, REFUSED, UNKNOWN, Case, Received, after, sms, whatsapp

REFUSALS = {
    "20003": FAULT, "20429": after(60), "20500": UNKNOWN, "20503": UNKNOWN, "21211": DEAD, "21611": after(900),
    "21614": DEAD, "21701": FAULT, "63007": FAULT,
} | dict.fromkeys(
    ("20001", "20404", "21212", "21266", "21408", "21602", "21603", "21604", "21606", "21609", "21610", "21612",
     "21617", "21620", "21624", "21654", "21655", "21656", "21658", "21910"), REFUSED,
)  # fmt: skip
REPORTED_LATER = frozenset(
    ("30001", "30002", "30003", "30004", "30005", "30006", "30007", "30008", "30022", "30034", "30036", "30450",
     "63003", "63005", "63013", "63014", "63015", "63016", "63018", "63021", "63024", "63028", "63049")
)  # fmt: skip


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
    not_refusals=REPORTED_LATER,
    carries_id=False,
)

WHATSAPP = replace(SMS, channel="whatsapp", vendor=WHATSAPP_VENDORS["twilio"], message=whatsapp)
