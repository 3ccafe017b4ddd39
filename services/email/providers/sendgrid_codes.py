"""What SendGrid's refusals mean.

Statuses: https://www.twilio.com/docs/sendgrid/api-reference/how-to-use-the-sendgrid-v3-api/errors. A body names fields:
`{"errors": [{"message", "field", "help"}]}`, https://www.twilio.com/docs/sendgrid/api-reference/mail-send/errors.

What is not here goes by its status (`shared.http.refusal`), among others:

- 401: the key is wrong, or the plan's credits are used up; 403: the sender is not a verified identity, or the account
  is blocked for a while. Both are the account's fault.
- 400, 404, 405, 406, 413 and 415 refuse this mail.
- 500 and 503 are not documented as unprocessed.
"""

from collections.abc import Mapping
from typing import Any

from shared.errors import SendError
from shared.http import Reply, refusal
from shared.providers.outcomes import DEAD, FAULT, Outcome, after

OUTCOMES: Mapping[tuple[int, str | None], Outcome] = {
    (400, "personalizations.0.to.0.email"): DEAD,  # "Does not contain a valid address."
    (451, None): FAULT,  # the account's data may not leave its region: SENDGRID_BASE_URL names another
}
"""Status and field (None: whatever the field) to what it means."""


def refused(reply: Reply) -> SendError:
    """The error of an answer that is not the acceptance of a mail."""
    errors = _errors(reply)
    code = str(reply.status)
    reason = "; ".join(": ".join(filter(None, pair)) for pair in errors)
    reason = reason or f"HTTP {reply.status} without an explanation"
    for field in (*(field for field, _ in errors), None):
        if outcome := OUTCOMES.get((reply.status, field)):
            return outcome(reason, code=code)
    if reply.status == 429 and (wait := _wait(reply)) is not None:
        return after(wait)(reason, code=code)
    return refusal(reply, reason, code=code)


def _wait(reply: Reply) -> float | None:
    """Seconds until the requests of the next period: `X-RateLimit-Reset` is a Unix time.

    https://www.twilio.com/docs/sendgrid/api-reference/how-to-use-the-sendgrid-v3-api/rate-limits
    """
    reset = reply.headers.get("X-RateLimit-Reset", "")
    if reply.retry_after is not None or not (reset.isascii() and reset.isdigit()):
        return reply.retry_after
    return reply.seconds_until(float(reset))


def _errors(reply: Reply) -> list[tuple[str | None, str]]:
    """Fields and sentences."""
    listed: Any = reply.json().get("errors")
    return [
        (str(error["field"]) if error.get("field") else None, str(error.get("message") or "refused"))
        for error in (listed if isinstance(listed, list) else ())
        if isinstance(error, dict)
    ]
