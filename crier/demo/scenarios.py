"""What the demo sends one by one: every template on every channel in every lane, and everything that can befall a
notification."""

import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from crier.demo.rich import device, everything
from crier.demo.singles import BUSY, Script, Singles
from crier.sandbox.twilio.message import WHATSAPP
from shared.messages.content import LANES

ALPHABET = "GHJKLMNPQRSTVWXYZ"
"""For codes that cannot be found by chance: no hexadecimal digit is among them."""

WAITS = 15.0
"""Seconds for which a code waits, so that there is time to look for it meanwhile."""

TABLE = {"subject": "Your table is ready", "text": "Come to the counter.\n"}
Scenario = Callable[[Singles], None]


def every_template(send: Singles) -> Script:
    """Every template, on each of its channels but chat, in every lane."""
    count = 0
    for name, template in sorted(send.rendering.templates.items()):
        for channel in template.channels:
            if channel in ("inapp", "chat"):
                continue  # they have scenes of their own: scenes/inbox.py, scenes/chat.py
            for lane in LANES:
                count += 1
                to: dict[str, dict[str, Any]] = {
                    "email": {"email": f"{name}.{lane}@example.com", "name": "Zoë O'Brien"},
                    "sms": {"phone": f"+44207946{count:04d}"},
                    "whatsapp": {"phone": f"+44207946{count:04d}"},
                    "push": {"tokens": [device(f"{name}-{lane}", lane)]},
                }
                if template.kind == "promotion":
                    to["email"]["unsubscribe_url"] = "https://example.com/unsubscribe/demo"
                declared = template.variables.declared
                data = dict(template.sample) | {
                    secret: _secret(send, declared[secret].type) for secret in template.secret_variables
                }
                what = f"{name} by {channel}, {lane}"
                send.send(
                    "every template, channel and lane", what, channel=channel, to=to[channel], template=name, data=data,
                    lane=lane, expires_at=_from_now(600) if template.kind == "code" else None,
                )  # fmt: skip
                yield BUSY


def content_of_ones_own(send: Singles) -> None:
    """Content without a template, in each channel."""
    group = "content of one's own"
    attachment = {"filename": "Menü – сегодня.txt", "content_type": "text/plain", "content": "U291cA=="}
    mail = {**TABLE, "attachments": [attachment]}
    send.send(group, "a mail with a file", channel="email", to={"email": "own@example.com"}, content=mail)
    send.send(group, "an SMS", channel="sms", to={"phone": "+442079460990"}, content={"body": "Dîner à 20 h 🍽"})
    push = {"title": "Your table", "body": "It is ready.", "link": "https://example.com/t/1", "badge": 2}
    send.send(group, "a push", channel="push", to={"tokens": ["demo-own"]}, content=push)


def a_code(send: Singles) -> None:
    """A one-time code, and one that waits: no trace of either may stay."""
    group = "one-time codes"
    for what, number, wait in (
        ("a code", "+442079460991", {}),
        ("a code that waits", "+442079460992", {"seconds": WAITS}),
    ):
        at = _from_now(**wait) if wait else None
        code = {"code": _code(send), "purpose": "sign in"}
        send.send(
            group, what, channel="sms", to={"phone": number}, template="one_time_code", data=code, send_at=at,
            expires_at=_from_now(300), not_before=at,
        )  # fmt: skip


def scheduled(send: Singles) -> None:
    """One for later, and one for later that is cancelled before."""
    group, at = "scheduled", _from_now(6)
    kept, gone = {"email": "later@example.com"}, {"email": "never@example.com"}
    receipt = send.send(
        group, "six seconds ahead", channel="email", to=kept, content=TABLE, send_at=at, not_before=at
    )  # fmt: skip
    send.promise(receipt["state"] == "scheduled", "six seconds ahead", f"it was accepted as {receipt['state']}")
    later = _from_now(5)
    cancelled = send.send(
        group, "cancelled before", channel="email", to=gone, content=TABLE, send_at=later, state="cancelled"
    )
    send.promise(send.client.cancel(cancelled["id"]) == 1, "cancelled before", "it could not be cancelled")


def expiring(send: Singles) -> None:
    """One for which the vendor has no room, until it is worthless."""
    number = "+442079460995"
    send.sandbox.behave("twilio", recipient=number, error="21611", times=1)
    send.send(
        "expired", "before it could be sent", channel="sms", to={"phone": number}, content={"body": "Now or never."},
        expires_at=_from_now(8), state="expired", refused=1,
    )  # fmt: skip


def repeated(send: Singles) -> None:
    """The same call twice, under one idempotency key."""
    asked: dict[str, Any] = {"channel": "sms", "to": {"phone": "+442079460993"}, "content": {"body": "Once, please."}}
    key = f"demo-{secrets.token_hex(8)}"
    first = send.send("one idempotency key", "the same call twice", **asked, idempotency_key=key)
    second = send.client.send(**asked, idempotency_key=key)
    send.promise(first["id"] == second["id"], "one idempotency key", f"{first['id']} and {second['id']} are two")
    send.promise(second["replayed"], "one idempotency key", "the second answer does not say that it is a repetition")


def refused(send: Singles) -> None:
    """What the vendors refuse for good: each by its own code."""
    group = "refused by the vendor"
    send.send(
        group, "21211, no such number", channel="sms", to={"phone": "+15005550001"}, content={"body": "Hello"},
        state="failed", refused=1,
    )  # fmt: skip
    send.send(
        group, "550 5.1.1, no such mailbox", channel="email", to={"email": "bounce+550-5.1.1@example.org"},
        content=TABLE, state="failed", refused=1,
    )  # fmt: skip


def retried(send: Singles) -> None:
    """Refused at first because there were too many, sent later."""
    group = "retried"
    # Over WhatsApp nobody else could send it meanwhile.
    send.sandbox.behave("twilio", recipient=WHATSAPP + "+442079460994", error="20429", retry_after=1, times=1)
    send.sandbox.behave("smtp", recipient="busy@example.com", error="450 4.2.1", times=1)
    send.sandbox.behave("fcm", recipient="demo-busy", error="QUOTA_EXCEEDED", retry_after=2, times=1)
    send.send(
        group, "after 429 with Retry-After", channel="whatsapp", to={"phone": "+442079460994"},
        content={"body": "At last."}, refused=1,
    )  # fmt: skip
    send.send(group, "after 450", channel="email", to={"email": "busy@example.com"}, content=TABLE, refused=1)
    push = {"title": "At last", "body": "It got through."}
    send.send(group, "after QUOTA_EXCEEDED", channel="push", to={"tokens": ["demo-busy"]}, content=push, refused=1)


def two_devices(send: Singles) -> None:
    """A push to a user with two devices, one of which is gone."""
    live, dead = "demo-live-phone", "unregistered-old-tablet"
    for token in (live, dead):
        send.client.register_device("u_demo", token, "android")
    boarding = {"title": "Boarding", "body": "Bay 4"}
    send.send(
        "a dead device", "to two devices", channel="push", to={"user_id": "u_demo"}, content=boarding,
        ends={live: "sent", dead: "failed"},
    )  # fmt: skip


def dead_device_is_dropped(send: Singles) -> None:
    """Afterwards only the live device is left."""
    left = [device["token"] for device in send.client.devices("u_demo")]
    send.promise(left == ["demo-live-phone"], "a dead device", f"the devices left are {left}")


SCENARIOS: tuple[Scenario, ...] = (
    expiring, scheduled, retried, refused, repeated, two_devices, content_of_ones_own, everything,
)  # fmt: skip
"""What takes longest first. `a_code` comes before all of them."""

ONCE_ENDED: tuple[Scenario, ...] = (dead_device_is_dropped,)


def _secret(send: Singles, kind: str) -> str:
    return f"https://example.com/secret/{_code(send)}" if kind == "url" else _code(send)


def _code(send: Singles) -> str:
    code = "".join(secrets.choice(ALPHABET) for _ in range(12))
    send.secrets.append(code)
    return code


def _from_now(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)
