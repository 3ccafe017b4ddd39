"""What Mailgun's refusals mean.

Statuses and messages of `/messages.mime`: https://documentation.mailgun.com/en/latest/api-sending.html#error-codes and
https://documentation.mailgun.com/docs/mailgun/quickstart-guide/responses. 420, which is not listed there, comes with
the messages of 429: https://github.com/mailgun/mailgun-java/issues/50.

What is not here goes by its status (`shared.http.refusal`), among others:

- 401, 403: the key is wrong, of another region, or may not send.
- 400 and 413 refuse this mail.
- 500: Mailgun recommends to try again, but does not say that nothing was sent.
"""

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from shared.errors import SendError
from shared.http import DEFAULT_RETRY_AFTER, Reply, refusal
from shared.providers.outcomes import DEAD, FAULT, REFUSED, Row, after

SOURCE = "https://documentation.mailgun.com/en/latest/api-sending.html#error-codes"

OUTCOMES: Mapping[str, Row] = {
    "4.. .*limit exceeded, try again after ": Row(
        after(DEFAULT_RETRY_AFTER), "a limit is reached; until the date it names, if that can be read"
    ),
    "400 '?to'? parameter is not a valid address": Row(DEAD, "the address is not a valid one"),
    "400 Domain .* is not allowed to send": Row(
        FAULT, "a sandbox, a free account, a domain that is not verified, an account that is not activated"
    ),
    "404 Domain not found": Row(FAULT, "the account has no such domain, or has it in another region"),
}
"""Patterns of `404 Domain not found: example.com` to what it means; the first that matches the beginning counts."""

_LIMITED = re.compile(r"limit exceeded, try again after (?P<date>.+)")


def refused(reply: Reply, *, alone: bool) -> SendError:
    """The error of an answer that is not the acceptance of a mail.

    Parameters:
        alone: the mail is for one mailbox only, so what is said of recipients is said of that one.
    """
    code, reason = str(reply.status), _reason(reply)
    if (limited := _LIMITED.search(reason)) and (wait := _wait(reply, limited["date"])) is not None:
        return after(wait)(reason, code=code)
    if row := row_of(reply):
        return (REFUSED if row.outcome is DEAD and not alone else row)(reason, code=code)
    return refusal(reply, reason, code=code)


def row_of(reply: Reply) -> Row | None:
    """The row of the table that an answer meets, if any."""
    full = f"{reply.status} {_reason(reply)}"
    return next((row for pattern, row in OUTCOMES.items() if re.match(pattern, full)), None)


def _reason(reply: Reply) -> str:
    message = reply.json().get("message")
    return message if isinstance(message, str) else f"HTTP {reply.status} without an explanation"


def _wait(reply: Reply, date: str) -> float | None:
    try:
        return reply.seconds_until(parsedate_to_datetime(date).timestamp())
    except ValueError:
        return None
