"""What an SMTP server's replies mean.

Reply codes: RFC 5321 section 4.2, RFC 4954 section 6 (authentication), RFC 1870 (552: too large or no room). Enhanced
codes: RFC 3463 and `SOURCE`.

Blame: what a server says of a recipient's mailbox (x.2.x) speaks against nobody, and what it says of where the mailbox
is (x.1.x, x.4.x), or of the policy there (x.7.x, such as greylisting), against that domain. All else is its own affair.
"""

import re
from collections.abc import Mapping

from shared.errors import SendError
from shared.providers.outcomes import DEAD, FAULT, LATER, REFUSED, Row, later

SOURCE = "https://www.iana.org/assignments/smtp-enhanced-status-codes"
_REPLIES = "https://www.rfc-editor.org/rfc/rfc5321#section-4.2"

_FULL = later("nobody")

OUTCOMES: Mapping[str, Row] = {
    "454|530|534|535": Row(
        FAULT, "authentication: required, failed, too weak", "https://www.rfc-editor.org/rfc/rfc4954#section-6"
    ),
    r"45. 4\.2\.|450( 4\.0\.0)?$": Row(later("nobody"), "the mailbox is busy, full or closed for now"),
    # Not 4.1.7 and 4.1.8, which are about the sender.
    r"45. 4\.(1\.[0-6]|4\.|7\.)": Row(later("destination"), "the domain is not found or not reached, or greylists"),
    "4": Row(LATER, "421, 450, 451, 452 and every other one that is about now", _REPLIES),
    "50[0-4]": Row(REFUSED, "a command it does not know or take", _REPLIES),
    r"5.. 5\.3\.4": Row(REFUSED, "larger than it will ever take"),
    r"552|5.. 5\.2\.2": Row(_FULL, "the mailbox is full", _REPLIES),
    r"55[013] 5\.1\.([1236]|10)$": Row(DEAD, "no such mailbox, no such domain, bad syntax, moved away, no mail there"),
    "5": Row(REFUSED, "5.2.1 disabled, 5.7.x policy, and what has no code of its own", _REPLIES),
}
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
    full, reason = read(code, text)
    meaning = row_of(full).outcome
    if not of_target and meaning is not FAULT:
        meaning = LATER if code < 500 or meaning is _FULL else REFUSED
    return meaning(reason or "the mail server gives no reason", code=full)


def row_of(full: str) -> Row:
    """The row of a reply such as `550 5.1.1`."""
    return next(row for pattern, row in OUTCOMES.items() if re.match(pattern, full))


def read(code: int, text: str) -> tuple[str, str]:
    """The reply code with its enhanced one, and the words."""
    enhanced = _ENHANCED.match(text)
    if not enhanced:
        return str(code), text.strip()
    return f"{code} {enhanced[0]}", text[enhanced.end() :].strip()
