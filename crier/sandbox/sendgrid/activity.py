"""SendGrid's Email Activity: the mails that were taken, looked up.

https://www.twilio.com/docs/sendgrid/api-reference/email-activity/filter-all-messages. Of its query language
(https://www.twilio.com/docs/sendgrid/for-developers/sending-email/getting-started-email-activity-api) it knows
comparisons with `=` of `msg_id`, `to_email`, `from_email`, `subject`, `status` and `unique_args['…']`, joined with AND.
The rest it refuses. Every mail has been delivered.
"""

import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from crier.sandbox.vendor import Answer, Call, json_answer

_KEPT = 100_000
_LIMITS = range(1, 1001)
_CONDITION = re.compile(
    r"\(?(?P<field>msg_id|to_email|from_email|subject|status|unique_args\['(?P<name>[^']+)'\])"
    r"""=(?P<quote>["'])(?P<value>[^"']*)(?P=quote)\)?"""
)


class Activity:
    """The mails, newest last; one for each recipient."""

    def __init__(self) -> None:
        self._mails: OrderedDict[str, tuple[Mapping[str, Any], Mapping[str, str]]] = OrderedDict()

    def keep(self, mail: Mapping[str, Any], reference: str, time: datetime) -> None:
        """Remember a mail that was taken at `time`."""
        for number, (to, named) in enumerate(_recipients(mail)):
            shown = {
                "from_email": mail["from"]["email"],
                "msg_id": f"{reference}.recvd-sandbox-{number}.0",
                "subject": mail.get("subject", ""),
                "to_email": to,
                "status": "delivered",
                "opens_count": 0,
                "clicks_count": 0,
                "last_event_time": f"{time:%Y-%m-%dT%H:%M:%SZ}",
            }
            self._mails[shown["msg_id"]] = shown, named
            if len(self._mails) > _KEPT:
                self._mails.popitem(last=False)

    def forget(self) -> None:
        """Drop every mail."""
        self._mails.clear()

    def answer(self, call: Call) -> Answer:
        """`GET /v3/messages`."""
        limit = call.query.get("limit", "10")
        if not limit.isdecimal() or int(limit) not in _LIMITS:
            return _refuse("limit must be between 1 and 1000")
        conditions = []
        for text in filter(None, call.query.get("query", "").split(" AND ")):
            if not (condition := _CONDITION.fullmatch(text)):
                return _refuse(f"invalid query: {text}")
            conditions.append(condition)
        met = [mail for mail in reversed(self._mails.values()) if all(_meets(mail, one) for one in conditions)]
        return json_answer(200, {"messages": [shown for shown, _ in met[: int(limit)]]})


def _meets(mail: tuple[Mapping[str, Any], Mapping[str, str]], condition: re.Match[str]) -> bool:
    shown, named = mail
    value = named.get(condition["name"]) if condition["name"] else shown[condition["field"]]
    return value == condition["value"]


def _recipients(mail: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Addresses, and the custom arguments of the mail to each."""
    for one in mail["personalizations"]:
        for kind in ("to", "cc", "bcc"):
            for box in one.get(kind, ()):
                yield box["email"], {**mail.get("custom_args", {}), **one.get("custom_args", {})}


def _refuse(sentence: str) -> Answer:
    return json_answer(400, {"errors": [{"message": sentence, "field": "query", "help": None}]})
