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

from shared.errors import SendError
from shared.http import Reply, refusal
from shared.providers.outcomes import FAULT, Outcome, after

RATE = 5.0
"""Seconds. The rate is one of a second, and everybody who was refused comes back at once."""
QUOTA = 600.0
"""Seconds: the longest wait AWS advises. The quota is one of the last 24 hours, so that it frees itself bit by bit."""

OUTCOMES: tuple[tuple[str, Outcome], ...] = (
    (r".*: Daily (message|sending) quota exceeded", after(QUOTA)),
    (r".*: Maximum sending rate exceeded", after(RATE)),
    # Of the sender; of the recipient too while the account is in SES's own sandbox: either way the account's affair.
    (r"MessageRejected: Email address (is )?not verified", FAULT),
    (r"MailFromDomainNotVerifiedException", FAULT),
    (r"AccountSuspendedException|SendingPausedException", FAULT),
    (r"NotFoundException", FAULT),  # the configuration set
    (r"LimitExceededException|Throttling(Exception)?:", after(QUOTA)),
    (r"AccessDenied(Exception)?:|NotAuthorized|OptInRequired", FAULT),
    (r"(InvalidClientTokenId|UnrecognizedClientException|MissingAuthenticationToken)", FAULT),
    (r"(InvalidSignatureException|SignatureDoesNotMatch|IncompleteSignature)", FAULT),
    (r"ExpiredToken(Exception)?:|RequestExpired", FAULT),  # or a clock that is off by more than 15 minutes
)
"""Patterns of `code: message` to what it means; the first that matches the beginning counts."""


def refused(reply: Reply) -> SendError:
    """The error of an answer that is not the one to a mail that was taken."""
    answer = reply.json()
    # `MessageRejected`, `MessageRejected:http://…` or `namespace#MessageRejected`.
    named = reply.headers.get("x-amzn-ErrorType") or str(answer.get("code") or "")
    code = named.partition(":")[0].rpartition("#")[2]
    reason = str(answer.get("message") or answer.get("Message") or f"HTTP {reply.status} without an explanation")
    for pattern, meaning in OUTCOMES:
        if code and re.match(pattern, f"{code}: {reason}"):
            return meaning(reason, code=code)
    return refusal(reply, reason, code=code or None)
