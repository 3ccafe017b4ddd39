"""What a stand-in received, as the content it is: by the journal alone, without what Crier knows."""

from collections.abc import Callable, Mapping

from crier.demo.arrived.arrival import Arrived
from crier.demo.arrived.mail import of_mailgun, of_sendgrid, of_ses, of_smtp
from crier.demo.arrived.push import of_fcm, of_onesignal
from crier.demo.arrived.text import of_http, of_twilio
from crier.sandbox import Entry

__all__ = ["Arrived", "arrived"]

READERS: Mapping[str, Callable[[Entry], Arrived]] = {
    "smtp": of_smtp,
    "sendgrid": of_sendgrid,
    "ses": of_ses,
    "mailgun": of_mailgun,
    "twilio": of_twilio,
    "http": of_http,
    "fcm": of_fcm,
    "onesignal": of_onesignal,
}


def arrived(entry: Entry) -> Arrived:
    """What was accepted by the call of `entry`."""
    return READERS[entry.vendor](entry)
