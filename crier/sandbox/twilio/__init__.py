"""A stand-in for Twilio's Messages resource: SMS and WhatsApp.

https://www.twilio.com/docs/messaging/api/message-resource

It knows one account (`ACCOUNT_SID`, `AUTH_TOKEN`) with one API key (`API_KEY_SID`, `API_KEY_SECRET`). Like a live
account, and unlike test credentials, it lets any well-formed sender be used, and it accepts a `StatusCallback` on this
machine, which Twilio would refuse, and calls no other. A look-up finds a message `delivered`, or `undelivered` where it
was told so, and the status callbacks say the same. `Sandbox.simulate` has:

    inbound  `number` writes `body` to `to` (the account's sender), with `opt_out_type` or without; reported to `url`,
             or to the gateway (`Manner.to`)
    status   the `message` (its SID, or the delivery's id) comes to `status`, such as `read`

Magic recipients of Twilio's (https://www.twilio.com/docs/iam/test-credentials#test-sms-messages):

    +15005550001  21211 invalid                     +15005550004  21610 opted out
    +15005550002  21612 cannot be routed            +15005550009  21614 cannot receive SMS
    +15005550003  21408 region not enabled
    as `From`: +15005550001 21212 invalid, +15005550007 21606 not owned, +15005550008 21611 queue full

Magic recipients of the sandbox's, in the same range:

    +15005550205  answered after 5 s                +15005550429  20429 with Retry-After 30
    +15005550303  accepted, undelivered with 30003  +15005550444  accepted, then closed without an answer
    +15005550305  accepted, undelivered with 30005  +15005550500  20500 server error
    +15005550408  accepted, never answered          +15005550503  20503 server error

and over WhatsApp, accepted and undelivered afterwards, as WhatsApp's own refusals are:

    +15005550316  63016 for free text               +15005550324  63024 not on WhatsApp
    +15005550318  63018 the sender's daily limit    +15005550349  63049 Meta chose not to deliver

Everybody but +15005550316 has written to the WhatsApp sender within 24 hours. The content templates are those of
`crier.sandbox.twilio.content`.
"""

from base64 import b64encode
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl, urlencode
from uuid import NAMESPACE_URL, uuid4, uuid5

from crier.sandbox.behaviour import Behaviour, Fault
from crier.sandbox.callbacks import Callback
from crier.sandbox.journal import Entry
from crier.sandbox.preview import Kind, Preview
from crier.sandbox.twilio.content import BY_SID, CONTENTS, text
from crier.sandbox.twilio.errors import LATER, REFUSALS
from crier.sandbox.twilio.message import WHATSAPP, WHATSAPP_SENDER, Message, refusal, refused_later, segments
from crier.sandbox.twilio.reports import Reports
from crier.sandbox.vendor import Answer, Call, HttpVendor, Route, find_delivery, json_answer

ACCOUNT_SID = "AC" + uuid5(NAMESPACE_URL, "crier:sandbox:account").hex
AUTH_TOKEN = uuid5(NAMESPACE_URL, "crier:sandbox:token").hex
API_KEY_SID = "SK" + uuid5(NAMESPACE_URL, "crier:sandbox:key").hex
API_KEY_SECRET = uuid5(NAMESPACE_URL, "crier:sandbox:key secret").hex
SENDER = "+15005550006"

_AUTHORIZATIONS = frozenset(
    "Basic " + b64encode(":".join(login).encode()).decode()
    for login in ((ACCOUNT_SID, AUTH_TOKEN), (API_KEY_SID, API_KEY_SECRET))
)
_KEPT = 100_000
_LARGEST_PAGE = 1000
_MAGIC = {
    "+15005550001": Behaviour(error="21211"),
    "+15005550002": Behaviour(error="21612"),
    "+15005550003": Behaviour(error="21408"),
    "+15005550004": Behaviour(error="21610"),
    "+15005550009": Behaviour(error="21614"),
    "+15005550205": Behaviour(delay=5),
    "+15005550303": Behaviour(error="30003"),
    "+15005550305": Behaviour(error="30005"),
    "+15005550408": Behaviour(fault=Fault.HANG),
    "+15005550429": Behaviour(error="20429", retry_after=30),
    "+15005550444": Behaviour(fault=Fault.CLOSE),
    "+15005550500": Behaviour(error="20500"),
    "+15005550503": Behaviour(error="20503"),
}
_WHATSAPP_MAGIC = {
    "+15005550318": Behaviour(error="63018"),
    "+15005550324": Behaviour(error="63024"),
    "+15005550349": Behaviour(error="63049"),
}


class Twilio(HttpVendor):
    """Programmable Messaging: create, fetch and list messages."""

    name = "twilio"
    errors = tuple(str(code) for code in (*REFUSALS, *LATER))
    stages = ("send", "look-up")
    events = ("inbound", "status")

    def __init__(self, folder: Path, base_url: str) -> None:
        super().__init__(folder, base_url)
        self._messages: OrderedDict[str, Message] = OrderedDict()
        # A look-up among a hundred thousand must not hold up whoever sends.
        self._of_number: dict[str, dict[str, Message]] = {}
        self._reports = Reports(ACCOUNT_SID, AUTH_TOKEN)

    def routes(self) -> Sequence[Route]:
        """Create, list, fetch."""
        messages = "/2010-04-01/Accounts/{account}/Messages"
        return (
            Route("POST", f"{messages}.json", "send", self._create, lambda call: call.form.get("To")),
            Route("GET", f"{messages}.json", "look-up", self._list, lambda call: call.query.get("To")),
            Route("GET", messages + r"/{sid:\w+}.json", "look-up", self._fetch),
        )

    def environment(self) -> dict[str, str]:
        """Account, token, senders, the content template that is one of Crier's, and base URL."""
        return {
            "TWILIO_ACCOUNT_SID": ACCOUNT_SID,
            "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
            "TWILIO_FROM": SENDER,
            "TWILIO_WHATSAPP_FROM": WHATSAPP_SENDER,
            "TWILIO_WHATSAPP_CONTENT": f"{CONTENTS[0].name}={CONTENTS[0].sid}",
            "TWILIO_BASE_URL": self.base_url,
        }

    def error(self, name: str, call: Call) -> Answer:
        """A refusal; or, for the codes Twilio reports later, an acceptance that turns out undelivered."""
        code = int(name)
        return self._create(call, code) if code in LATER else _refuse(code, call)

    def authorised(self, call: Call) -> bool:
        """Whether the credentials are the account's."""
        return _stranger(call) is None

    def magic(self, recipient: str) -> Behaviour | None:
        """Twilio's magic numbers and the sandbox's."""
        number = recipient.removeprefix(WHATSAPP)
        return _MAGIC.get(number) or (_WHATSAPP_MAGIC.get(number) if number != recipient else None)

    def delivery(self, call: Call) -> str | None:
        """An SMS carries nothing of ours; the `StatusCallback` URL can."""
        return find_delivery(call.form.get("StatusCallback"))

    def preview(self, entry: Entry) -> Preview:
        """The SMS or the WhatsApp message, an approved template with its variables filled in."""
        form = _form(entry)
        if entry.action != "send":
            return Preview(text=form.get("Body", ""))
        body, facts = text(form), dict(form)
        chat = form.get("To", "").startswith(WHATSAPP)
        if not chat:
            facts["Segments"] = str(segments(body))
        if content := BY_SID.get(form.get("ContentSid", "")):
            facts["Template"] = content.name
        if entry.accepted and (code := _found_later(entry)):
            facts["Undelivered"] = f"{code} {LATER[code]}"
        return Preview(Kind.WHATSAPP if chat else Kind.SMS, text=body, facts=tuple(facts.items()))

    def simulate(self, event: str, details: Mapping[str, str]) -> Sequence[Callback]:
        """Somebody writes to us, or a message comes to a status; see the module."""
        if event == "inbound":
            url, number = details.get("url") or self.receipts_url, details.get("number")
            if not url or not number:
                raise ValueError("details: inbound needs number, and url where callbacks have no `to`")
            default = WHATSAPP + WHATSAPP_SENDER if number.startswith(WHATSAPP) else SENDER
            to, body = details.get("to", default), details.get("body", "")
            return [self._reports.inbound(url, number, to, body, details.get("opt_out_type"))]
        wanted = details.get("message", "")
        known = [
            m for m in list(self._messages.values()) if wanted in (m.sid, find_delivery(m.callback)) and m.callback
        ]
        if not known or not details.get("status"):
            raise ValueError("details: status needs status, and as message one that was taken with a StatusCallback")
        return [self._reports.status(known[-1], details["status"])]

    def remember(self, entry: Entry) -> None:
        """Keep an accepted message for look-ups."""
        if entry.accepted and entry.reference:
            created = datetime.fromisoformat(entry.time)
            self._keep(Message.of(_form(entry), entry.reference, created, _found_later(entry)))

    def forget(self) -> None:
        """Drop every message."""
        self._messages.clear()
        self._of_number.clear()

    def _create(self, call: Call, error_code: int | None = None) -> Answer:
        if refused := _stranger(call) or refusal(call.form):
            return _refuse(refused, call)
        message = Message.of(call.form, f"SM{uuid4().hex}", datetime.now(UTC), error_code or refused_later(call.form))
        self._keep(message)
        shown = message.show(ACCOUNT_SID, created_now=True)
        callbacks = self._reports.of(message)
        return json_answer(201, shown, accepted=True, reference=message.sid, callbacks=callbacks)

    def _fetch(self, call: Call) -> Answer:
        if refused := _stranger(call):
            return _refuse(refused, call)
        message = self._messages.get(call.parameters["sid"])
        if message is None:
            return _refuse(20404, call)
        return json_answer(200, message.show(ACCOUNT_SID, created_now=False))

    def _list(self, call: Call) -> Answer:
        if refused := _stranger(call):
            return _refuse(refused, call)
        query = call.query
        size = min(_number(query, "PageSize", 50), _LARGEST_PAGE)
        page = _number(query, "Page", 0)
        try:
            there = self._of_number.get(query["To"], {}) if "To" in query else self._messages
            found = [message for message in reversed(there.values()) if message.matches(query)]
        except ValueError:
            return _refuse(20001, call)
        shown = found[page * size : (page + 1) * size]

        def uri(number: int) -> str:
            return f"{call.path}?{urlencode({**query, 'PageSize': size, 'Page': number})}"

        return json_answer(
            200,
            {
                "messages": [message.show(ACCOUNT_SID, created_now=False) for message in shown],
                "page": page,
                "page_size": size,
                "start": page * size,
                "end": page * size + max(len(shown) - 1, 0),
                "uri": uri(page),
                "first_page_uri": uri(0),
                "next_page_uri": uri(page + 1) if (page + 1) * size < len(found) else None,
                "previous_page_uri": uri(page - 1) if page else None,
            },
        )

    def _keep(self, message: Message) -> None:
        self._messages[message.sid] = message
        self._of_number.setdefault(message.to, {})[message.sid] = message
        if len(self._messages) > _KEPT:
            sid, oldest = self._messages.popitem(last=False)
            of_number = self._of_number[oldest.to]
            del of_number[sid]
            if not of_number:
                del self._of_number[oldest.to]


def _refuse(code: int, call: Call) -> Answer:
    status, text = REFUSALS[code]
    form = call.form
    message = text.format(
        path=call.path, to=form.get("To"), sender=form.get("From"), callback=form.get("StatusCallback")
    )
    more = f"https://www.twilio.com/docs/errors/{code}"
    body = {"code": code, "message": message, "more_info": more, "status": status}
    headers = {"WWW-Authenticate": 'Basic realm="Twilio API"'} if status == 401 else None
    return json_answer(status, body, code=str(code), headers=headers)


def _stranger(call: Call) -> int | None:
    """The code of the error for calls from anyone but the account."""
    if call.headers.get("authorization") not in _AUTHORIZATIONS:
        return 20003
    return None if call.parameters["account"] == ACCOUNT_SID else 20404


def _form(entry: Entry) -> Mapping[str, str]:
    return dict(parse_qsl(entry.received.get("body", ""), keep_blank_values=True))


def _found_later(entry: Entry) -> int | None:
    """The error that a look-up of an accepted message finds."""
    code = int(entry.answered.get("behaviour", {}).get("error", 0))
    return code if code in LATER else refused_later(_form(entry))


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, "")
    return int(text) if text.isdecimal() else default
