"""What an SMTP server's replies mean.

Reply codes: RFC 5321 section 4.2, RFC 4954 section 6 (authentication), RFC 1870 (552: too large or no room). Enhanced
codes: RFC 3463 and https://www.iana.org/assignments/smtp-enhanced-status-codes.
"""

import re

from shared.errors import SendError
from shared.providers.outcomes import DEAD, FAULT, LATER, REFUSED, Outcome

OUTCOMES: tuple[tuple[str, Outcome], ...] = (
    (r"454|530|534|535", FAULT),  # authentication: required, failed, too weak
    (r"4", LATER),  # 421, 450, 451, 452 and every other one that is about now
    (r"50[0-4]", REFUSED),  # a command it does not know or take
    (r"5.. 5\.3\.4", REFUSED),  # larger than it will ever take
    (r"552|5.. 5\.2\.2", LATER),  # the mailbox is full
    (r"55[013] 5\.1\.([1236]|10)$", DEAD),  # no such mailbox, no such domain, bad syntax, moved away, no mail there
    (r"5", REFUSED),  # 5.2.1 disabled, 5.7.x policy, and what has no code of its own
)
"""Patterns of `550 5.1.1` to what it means; the first that matches the beginning counts. Without an enhanced code a
550 says nothing of the mailbox: most servers refuse spam with it too."""

_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}\b")


def outcome(code: int, text: str, *, of_target: bool) -> SendError:
    """The error of a reply from 400 on.

    Parameters:
        code: the reply code.
        text: what follows it; an enhanced code at its beginning.
        of_target: it can only be about the recipient the mail is for: not the sender, not one of several.
    """
    enhanced = _ENHANCED.match(text)
    full = f"{code} {enhanced[0]}" if enhanced else str(code)
    meaning = next(meaning for pattern, meaning in OUTCOMES if re.match(pattern, full))
    if meaning is DEAD and not of_target:
        meaning = REFUSED
    reason = text[enhanced.end() if enhanced else 0 :].strip()
    return meaning(reason or "the mail server gives no reason", code=full)
