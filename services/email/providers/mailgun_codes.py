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
from email.utils import parsedate_to_datetime

from shared.errors import SendError
from shared.http import Reply, refusal
from shared.providers.outcomes import DEAD, FAULT, REFUSED, Outcome, after

OUTCOMES: tuple[tuple[str, Outcome], ...] = (
    (r"400 '?to'? parameter is not a valid address", DEAD),
    # Of a sandbox, a free account, a domain that is not verified, an account that is not activated.
    (r"400 Domain .* is not allowed to send", FAULT),
    (r"404 Domain not found", FAULT),
)
"""Patterns of `404 Domain not found: example.com` to what it means; the first that matches the beginning counts."""

_LIMITED = re.compile(r"limit exceeded, try again after (?P<date>.+)")


def refused(reply: Reply, *, alone: bool) -> SendError:
    """The error of an answer that is not the acceptance of a mail.

    Parameters:
        alone: the mail is for one mailbox only, so what is said of recipients is said of that one.
    """
    message, code = reply.json().get("message"), str(reply.status)
    reason = message if isinstance(message, str) else f"HTTP {reply.status} without an explanation"
    if (limited := _LIMITED.search(reason)) and (wait := _wait(reply, limited["date"])) is not None:
        return after(wait)(reason, code=code)
    for pattern, outcome in OUTCOMES:
        if re.match(pattern, f"{code} {reason}"):
            return (REFUSED if outcome is DEAD and not alone else outcome)(reason, code=code)
    return refusal(reply, reason, code=code)


def _wait(reply: Reply, date: str) -> float | None:
    try:
        return reply.seconds_until(parsedate_to_datetime(date).timestamp())
    except ValueError:
        return None
