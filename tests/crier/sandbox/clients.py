"""What the tests of the sandbox call it with."""

import time
from collections.abc import Callable
from email.message import EmailMessage

from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from crier.sandbox import Entry, Sandbox

FIREBASE_SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
DELIVERY = "0198c0de-0000-7000-8000-00000000002a"


class _Redirected(TwilioHttpClient):
    """Twilio's own client, with the host it calls replaced."""

    def __init__(self, base_url: str) -> None:
        super().__init__(timeout=10)
        self._base_url = base_url

    def request(self, method: str, url: str, *args: object, **options: object) -> object:
        return super().request(method, url.replace("https://api.twilio.com", self._base_url), *args, **options)


def twilio_client(sandbox: Sandbox, *, token: str | None = None) -> Client:
    settings = sandbox.environment
    return Client(
        settings["TWILIO_ACCOUNT_SID"],
        token or settings["TWILIO_AUTH_TOKEN"],
        http_client=_Redirected(settings["TWILIO_BASE_URL"]),
    )


def mail(*to: str, subject: str = "Hello", html: str | None = None) -> EmailMessage:
    message = EmailMessage()
    message["From"] = "shop@example.com"
    message["To"] = ", ".join(to or ("ada@example.com",))
    message["Subject"] = subject
    message["X-Crier-Id"] = DELIVERY
    message.set_content("Hello Ada\n")
    if html is not None:
        message.add_alternative(html, subtype="html")
    return message


def wait_for(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Poll until `condition` holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def only_call(sandbox: Sandbox, vendor: str) -> Entry:
    """The one call `vendor` received."""
    [entry] = sandbox.calls(vendor)
    return entry
