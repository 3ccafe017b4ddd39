"""What SendGrid's refusals mean.

Statuses: https://www.twilio.com/docs/sendgrid/api-reference/how-to-use-the-sendgrid-v3-api/errors. A body names fields:
`{"errors": [{"message", "field", "help"}]}`, https://www.twilio.com/docs/sendgrid/api-reference/mail-send/errors.

What is not here goes by its status (`shared.http.refusal`), among others:

- 401: the key is wrong, or the plan's credits are used up; 403 without a field: the account is blocked for a while.
  Both are the account's fault.
- 400, 404, 405, 406, 413 and 415 refuse this mail.
- 500 and 503 are not documented as unprocessed.
"""

from collections.abc import Mapping
from typing import Any

from shared.errors import SendError
from shared.http import Reply, refusal
from shared.providers.outcomes import DEAD, FAULT, SENDER, Row, after

SOURCE = "https://www.twilio.com/docs/sendgrid/api-reference/mail-send/errors"

OUTCOMES: Mapping[str, Row] = {
    "400 personalizations.0.to.0.email": Row(DEAD, "the address is not a valid one"),
    "403 from": Row(
        SENDER,
        "the sender is not a verified identity",
        "https://www.twilio.com/docs/sendgrid/for-developers/sending-email/sender-identity",
    ),
    "451": Row(FAULT, "the account's data may not leave its region: SENDGRID_BASE_URL names another"),
}
"""Status, and the field where the answer names one, to what it means."""


def refused(reply: Reply, *, own_sender: bool = False) -> SendError:
    """The error of an answer that is not the acceptance of a mail.

    Parameters:
        own_sender: the mail has a sender of its project's own.
    """
    code, errors = str(reply.status), _errors(reply)
    reason = "; ".join(": ".join(filter(None, pair)) for pair in errors)
    reason = reason or f"HTTP {reply.status} without an explanation"
    if row := row_of(reply):
        return row.for_sender(own=own_sender)(reason, code=code)
    if reply.status == 429 and (wait := _wait(reply)) is not None:
        return after(wait)(reason, code=code)
    return refusal(reply, reason, code=code)


def row_of(reply: Reply) -> Row | None:
    """The row of the table that an answer meets, if any."""
    met = [*(f"{reply.status} {field}" for field, _ in _errors(reply)), str(reply.status)]
    return next((OUTCOMES[one] for one in met if one in OUTCOMES), None)


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
