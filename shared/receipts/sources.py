"""The providers that report to this installation: those whose settings the environment gives."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module

from shared.errors import SettingsError
from shared.receipts.port import Source
from shared.settings import load_one


@dataclass(frozen=True)
class Vendor:
    """Where a source and its settings are. Imported when it is asked for: each may need a library of its vendor's.

    Parameters:
        sign: the variable that says that it is meant.
    """

    module: str
    source: str
    settings: str
    sign: str

    def make(self, environ: Mapping[str, str]) -> Source:
        """The source. Raises SettingsError, naming every variable that is missing or wrong."""
        module = import_module(self.module)
        made: Source = getattr(module, self.source)(load_one(getattr(module, self.settings), environ))
        return made


VENDORS: Mapping[str, Vendor] = {
    "twilio": Vendor("shared.receipts.twilio", "TwilioReceipts", "TwilioReceiptSettings", "TWILIO_AUTH_TOKEN"),
    "sendgrid": Vendor(
        "shared.receipts.sendgrid", "SendGridReceipts", "SendGridReceiptSettings", "SENDGRID_WEBHOOK_PUBLIC_KEY"
    ),
    "mailgun": Vendor(
        "shared.receipts.mailgun", "MailgunReceipts", "MailgunReceiptSettings", "MAILGUN_WEBHOOK_SIGNING_KEY"
    ),
    "onesignal": Vendor(
        "shared.receipts.onesignal", "OneSignalReceipts", "OneSignalReceiptSettings", "ONESIGNAL_RECEIPTS_SECRET"
    ),
    "ses": Vendor("shared.receipts.ses", "SesReceipts", "SesReceiptSettings", "SES_SNS_TOPIC_ARN"),
}
"""By the name in routes and in the address `/v1/receipts/<name>`."""


def assemble(environ: Mapping[str, str]) -> Mapping[str, Source]:
    """The sources that are configured, by name.

    Raises:
        SettingsError: naming every variable that is missing or wrong.
    """
    sources: dict[str, Source] = {}
    problems: list[str] = []
    for name, vendor in VENDORS.items():
        if not environ.get(vendor.sign):
            continue
        try:
            sources[name] = vendor.make(environ)
        except SettingsError as error:
            problems += error.problems
    if problems:
        raise SettingsError(problems)
    return sources
