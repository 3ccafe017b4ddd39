"""A stand-in for OneSignal's API for messages (https://documentation.onesignal.com/reference/push-notification).

It knows one app (`APP_ID`, `API_KEY`), in which every subscription is subscribed and every segment has somebody in it,
but for these. An idempotency key is remembered: a repetition is answered as the first call was, and nothing is
delivered (https://documentation.onesignal.com/reference/idempotent-notification-requests).

Magic subscriptions, by what follows `00000000-0000-4000-8000-` (OneSignal has none of its own):

    000000000410  nobody is subscribed with it      000000000408  accepted, never answered
    000000000411  invalid_player_ids                000000000444  accepted, then closed without an answer
    000000000429  429 with Retry-After 30           000000000205  answered after 5 s
    000000000500  server error                      000000000503  unavailable
    000000000303  accepted, and failed              000000000305  accepted, and found unsubscribed

The segment `nobody` has nobody in it.

It has an Event Stream, which reports to the gateway (`Manner.to` of `crier.sandbox.callbacks`) what became of each
push: sent and received, unless it was told otherwise. `Sandbox.simulate` has `clicked` and `unsubscribed`: `message` is
OneSignal's id of the push; `name`, its name, and `subscription` may be left out.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid4, uuid5

import orjson

from crier.sandbox.behaviour import Behaviour, Fault
from crier.sandbox.callbacks import Callback
from crier.sandbox.journal import Entry
from crier.sandbox.onesignal.events import SECRET, report
from crier.sandbox.onesignal.message import UUID_FORM, problems
from crier.sandbox.preview import Kind, Preview
from crier.sandbox.vendor import Answer, Call, HttpVendor, Route, find_delivery, json_answer

APP_ID = str(uuid5(NAMESPACE_URL, "crier:sandbox:onesignal:app"))
API_KEY = "os_v2_app_" + uuid5(NAMESPACE_URL, "crier:sandbox:onesignal:key").hex
SEGMENT = "/segments/"
NOBODY = "All included players are not subscribed"

_KEPT = 100_000
_DENIED = (
    "Access denied.  Please include an 'Authorization: ...' header with a valid API key "
    "(https://documentation.onesignal.com/docs/en/keys-and-ids#api-keys)."
)
_ERRORS: Mapping[str, tuple[int, str]] = {
    "not-subscribed": (200, NOBODY),
    "invalid-player-ids": (200, ""),
    "invalid-aliases": (200, ""),
    "bad-request": (400, "Request is malformed"),
    "access-denied": (403, _DENIED),
    "not-found": (404, "App not found"),
    "rate-limited": (429, "API rate limit exceeded."),
    "server-error": (500, "Internal server error"),
    "unavailable": (503, "Service temporarily unavailable"),
}
"""OneSignal has no codes; these are the sandbox's names for its answers."""
_LATER = {"failed-later": ("failed",), "unsubscribed-later": ("unsubscribed",)}
"""Accepted; what the Event Stream says afterwards instead of `_WELL`."""
_WELL = ("sent", "received")
_MAGIC_PREFIX = "00000000-0000-4000-8000-000000000"
_MAGIC = {
    "303": Behaviour(error="failed-later"),
    "305": Behaviour(error="unsubscribed-later"),
    "205": Behaviour(delay=5),
    "408": Behaviour(fault=Fault.HANG),
    "410": Behaviour(error="not-subscribed"),
    "411": Behaviour(error="invalid-player-ids"),
    "429": Behaviour(error="rate-limited", retry_after=30),
    "444": Behaviour(fault=Fault.CLOSE),
    "500": Behaviour(error="server-error"),
    "503": Behaviour(error="unavailable"),
}


class OneSignal(HttpVendor):
    """`POST /notifications` of one app."""

    name = "onesignal"
    errors = (*_ERRORS, *_LATER)
    events = ("clicked", "unsubscribed")

    def __init__(self, folder: Path, base_url: str) -> None:
        super().__init__(folder, base_url)
        self._sent: OrderedDict[str, str] = OrderedDict()

    def routes(self) -> Sequence[Route]:
        """Creating a message."""
        return (Route("POST", "/notifications", "send", self._create, _recipient),)

    def environment(self) -> dict[str, str]:
        """App, key, base URL, and the secret of the Event Stream."""
        return {
            "ONESIGNAL_APP_ID": APP_ID,
            "ONESIGNAL_API_KEY": API_KEY,
            "ONESIGNAL_BASE_URL": self.base_url,
            "ONESIGNAL_RECEIPTS_SECRET": SECRET,
        }

    def error(self, name: str, call: Call) -> Answer:
        """One of the answers above; or an acceptance, of which is reported later that nothing came."""
        if name in _LATER:
            return self._create(call, _LATER[name])
        status, words = _ERRORS[name]
        if name == "invalid-player-ids":
            body = {"id": "", "errors": {"invalid_player_ids": _body(call).get("include_subscription_ids", [])}}
        elif name == "invalid-aliases":
            body = {"id": "", "errors": {"invalid_aliases": {"external_id": ["nobody-of-that-name"]}}}
        else:
            body = {"id": "", "errors": [words]} if status == 200 else {"errors": [words]}
        return json_answer(status, body, code=name)

    def authorised(self, call: Call) -> bool:
        """Whether the app is this one and the key its own."""
        return call.headers.get("authorization") == f"Key {API_KEY}" and _body(call).get("app_id") == APP_ID

    def magic(self, recipient: str) -> Behaviour | None:
        """The sandbox's magic subscriptions, and the segment without anybody."""
        if recipient == f"{SEGMENT}nobody":
            return _MAGIC["410"]
        return _MAGIC.get(recipient.removeprefix(_MAGIC_PREFIX)) if recipient.startswith(_MAGIC_PREFIX) else None

    def delivery(self, call: Call) -> str | None:
        """The idempotency key."""
        key = _body(call).get("idempotency_key")
        return find_delivery(key if isinstance(key, str) else None)

    def preview(self, entry: Entry) -> Preview:
        """The notification."""
        body = _load(entry.received.get("body", ""))
        shown = ("headings", "contents", "app_id", "big_picture", "ios_attachments", "chrome_web_image")
        return Preview(
            Kind.PUSH,
            title=_english(body.get("headings")),
            text=_english(body.get("contents")),
            image=body.get("big_picture"),
            facts=tuple((name, str(value)) for name, value in body.items() if name not in shown),
        )

    def simulate(self, event: str, details: Mapping[str, str]) -> Sequence[Callback]:
        """Somebody taps a push, or wants no more; see the module."""
        if not self.receipts_url or "message" not in details:
            raise ValueError("details: message is needed, and callbacks need a `to`")
        name, subscription = details.get("name", ""), details.get("subscription", "")
        return [report(self.receipts_url, event, details["message"], name, subscription)]

    def remember(self, entry: Entry) -> None:
        """Keep an accepted call's key."""
        key = _load(entry.received.get("body", "")).get("idempotency_key")
        if entry.accepted and entry.reference and key:
            self._keep(key, entry.reference)

    def forget(self) -> None:
        """Drop every key."""
        self._sent.clear()

    def _create(self, call: Call, becomes: Sequence[str] = _WELL) -> Answer:
        body = _body(call)
        app_id = body.get("app_id")
        if not isinstance(app_id, str) or not UUID_FORM.fullmatch(app_id):
            return _refuse(400, ["Request is malformed: Failed to parse app_id from request"], "bad-request")
        if not self.authorised(call):
            return self.error("access-denied", call)
        if wrong := list(problems(body)):
            return _refuse(400, wrong, "bad-request")
        key: str | None = body.get("idempotency_key")
        if key and (earlier := self._sent.get(key)):
            answer = {"id": earlier, "external_id": key}
            return json_answer(200, answer, reference=earlier, headers={"Idempotent-Replayed": "true"})
        reference = str(uuid4())
        if key:
            self._keep(key, reference)
        callbacks = self._reports(body, reference, becomes)
        shown = {"id": reference, "external_id": key}
        return json_answer(200, shown, accepted=True, reference=reference, callbacks=callbacks)

    def _reports(self, body: Mapping[str, Any], reference: str, kinds: Sequence[str]) -> Sequence[Callback]:
        """What becomes of a push, for the first of those it is for; of a segment, for two who are in it."""
        if not self.receipts_url:
            return ()
        listed = body.get("include_subscription_ids") or [str(uuid5(NAMESPACE_URL, one)) for one in ("first", "second")]
        subscriptions = listed[:1] if "include_subscription_ids" in body else listed
        name = str(body.get("name", ""))
        return [report(self.receipts_url, kind, reference, name, one) for one in subscriptions for kind in kinds]

    def _keep(self, key: str, reference: str) -> None:
        self._sent[key] = reference
        if len(self._sent) > _KEPT:
            self._sent.popitem(last=False)


def _refuse(status: int, sentences: list[str], code: str) -> Answer:
    return json_answer(status, {"errors": sentences}, code=code)


def _body(call: Call) -> dict[str, Any]:
    return call.json if isinstance(call.json, dict) else {}


def _load(text: str) -> dict[str, Any]:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _english(texts: Any) -> str:
    return str(texts.get("en", "")) if isinstance(texts, dict) else ""


def _recipient(call: Call) -> str | None:
    body = _body(call)
    for name, prefix in (("include_subscription_ids", ""), ("included_segments", SEGMENT)):
        listed = body.get(name)
        if isinstance(listed, list) and listed and isinstance(listed[0], str):
            return prefix + listed[0]
    return None
