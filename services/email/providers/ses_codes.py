"""What Amazon SES's refusals mean.

Errors of the call: https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html#API_SendEmail_Errors.
Errors of every call, such as those about signatures: https://docs.aws.amazon.com/ses/latest/APIReference-V2/CommonErrors.html.
Quotas: https://docs.aws.amazon.com/ses/latest/dg/manage-sending-quotas-errors.html.

What is not in the table goes by its status (`shared.http.refusal`), among others:

- BadRequestException (400): a field is wrong. MessageRejected (400): the content is, or nothing more is known.
- TooManyRequestsException (429): not processed.
- InternalFailure (500), ServiceUnavailable (503): not said to be unprocessed. AWS advises to repeat such calls slowly
  "to reduce the likelihood of generating duplicates".

Of a dead address SES tells only later, in an event: what it takes it has not yet tried to deliver.
"""

import re
from collections.abc import Mapping

from shared.errors import SendError
from shared.http import Reply, refusal
from shared.providers.outcomes import FAULT, SENDER, Row, after

RATE = 5.0
"""Seconds. The rate is one of a second, and everybody who was refused comes back at once."""
QUOTA = 600.0
"""Seconds: the longest wait AWS advises. The quota is one of the last 24 hours, so that it frees itself bit by bit."""

SOURCE = "https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html#API_SendEmail_Errors"
_COMMON = "https://docs.aws.amazon.com/ses/latest/APIReference-V2/CommonErrors.html"
_QUOTAS = "https://docs.aws.amazon.com/ses/latest/dg/manage-sending-quotas-errors.html"

OUTCOMES: Mapping[str, Row] = {
    ".*: Daily (message|sending) quota exceeded": Row(after(QUOTA), "the quota of 24 hours is used up", _QUOTAS),
    ".*: Maximum sending rate exceeded": Row(after(RATE), "more mails in a second than the account may send", _QUOTAS),
    # Of the recipient too while the account is in SES's own sandbox; the answer does not say which.
    "MessageRejected: Email address (is )?not verified": Row(SENDER, "the sender is not a verified identity"),
    "MailFromDomainNotVerifiedException": Row(SENDER, "the sender's domain is not verified"),
    "AccountSuspendedException|SendingPausedException": Row(FAULT, "the account may not send, or does not for now"),
    "NotFoundException": Row(FAULT, "there is no such configuration set"),
    "LimitExceededException|Throttling(Exception)?:": Row(after(QUOTA), "too many, of what is not said"),
    "AccessDenied(Exception)?:|NotAuthorized|OptInRequired": Row(FAULT, "the key may not send", _COMMON),
    "InvalidClientTokenId|UnrecognizedClientException|MissingAuthenticationToken": Row(
        FAULT, "the key is not known", _COMMON
    ),
    "InvalidSignatureException|SignatureDoesNotMatch|IncompleteSignature": Row(FAULT, "the secret is wrong", _COMMON),
    "ExpiredToken(Exception)?:|RequestExpired": Row(
        FAULT, "the key has expired, or this machine's clock is off by more than 15 minutes", _COMMON
    ),
}
"""Patterns of `code: message` to what it means; the first that matches the beginning counts."""


def refused(reply: Reply, *, own_sender: bool = False) -> SendError:
    """The error of an answer that is not the one to a mail that was taken.

    Parameters:
        own_sender: the mail has a sender of its project's own.
    """
    code, reason = _read(reply)
    if row := row_of(reply):
        return row.for_sender(own=own_sender)(reason, code=code)
    return refusal(reply, reason, code=code or None)


def row_of(reply: Reply) -> Row | None:
    """The row of the table that an answer meets, if any."""
    code, reason = _read(reply)
    full = f"{code}: {reason}"
    return next((row for pattern, row in OUTCOMES.items() if code and re.match(pattern, full)), None)


def _read(reply: Reply) -> tuple[str, str]:
    """The code, empty if there is none, and the words."""
    answer = reply.json()
    # `MessageRejected`, `MessageRejected:http://…` or `namespace#MessageRejected`.
    named = reply.headers.get("x-amzn-ErrorType") or str(answer.get("code") or "")
    reason = str(answer.get("message") or answer.get("Message") or f"HTTP {reply.status} without an explanation")
    return named.partition(":")[0].rpartition("#")[2], reason
