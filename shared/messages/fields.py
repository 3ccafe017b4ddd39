"""Field types that refuse what must never reach a header, a number or a mailbox."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from email_validator.rfc_constants import CASE_INSENSITIVE_MAILBOX_NAMES, EMAIL_MAX_LENGTH
from marshmallow import ValidationError, fields

from shared.messages.number_plans import is_plainly_possible

# Everything str.splitlines() breaks on: a header, an envelope or a log line must not contain any of it.
_LINE_BREAKS = re.compile("[\r\n\v\f\x00\x1c\x1d\x1e\x85\u2028\u2029]")

# An ordinary name before the @ (RFC 5322 section 3.2.3, dot-atom), which its normal form leaves as it is.
_ATOM = r"[A-Za-z0-9_!#$%&'*+\-/=?^`{|}~]+"
_ORDINARY_NAME = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_LOWERED_NAMES = frozenset(CASE_INSENSITIVE_MAILBOX_NAMES)


def single_line(value: str) -> str:
    """Refuse line breaks of any kind: they would start a new header or a new log line."""
    if _LINE_BREAKS.search(value):
        raise ValidationError("Must be a single line: remove line breaks and control characters.")
    return value


class Line(fields.String):
    """A string without line breaks (security: header injection)."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        return single_line(str(super()._deserialize(value, attr, data, **kwargs)))


class EmailAddress(Line):
    """A deliverable-looking mail address, normalised; internationalised ones included (RFC 6531)."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        return normal_email(super()._deserialize(value, attr, data, **kwargs))


class PhoneNumber(Line):
    """A telephone number in international form, normalised to E.164 (`+442079460018`)."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        return e164(super()._deserialize(value, attr, data, **kwargs))


def normal_email(value: str) -> str:
    """The normalised form of a mail address; ValidationError says what is wrong with it."""
    return plain_email(value) or _normal_email(value)


def plain_email(value: str) -> str | None:
    """The normalised form of an ordinary address, as nearly all are; None leaves it open whether it is one."""
    name, _, domain = value.rpartition("@")
    if len(value) <= EMAIL_MAX_LENGTH and _ORDINARY_NAME.fullmatch(name) and name.lower() not in _LOWERED_NAMES:
        # What is left to check is the domain, and most share one with others.
        normal = _normal_domain(domain)
        if normal is not None:
            return f"{name}@{normal}"
    return None


@lru_cache(10_000)
def _normal_domain(domain: str) -> str | None:
    """The normal form of an ASCII domain, if it has one that is as long; None leaves it open."""
    try:
        normal = _normal_email(f"x@{domain}").removeprefix("x@")
    except ValidationError:
        return None
    return normal if normal == domain.lower() and domain.isascii() else None


def _normal_email(value: str) -> str:
    try:
        checked = validate_email(value, check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise ValidationError(f"Not a valid e-mail address: {error}") from None
    return str(checked.normalized)


def e164(value: str) -> str:
    """The E.164 form of a number written internationally; ValidationError says what is wrong with it."""
    return plain_e164(value) or _e164(value)


def plain_e164(value: str) -> str | None:
    """A number that is in its E.164 form already, as nearly all are; None leaves it open whether it is one."""
    return value if is_plainly_possible(value) else None


def _e164(value: str) -> str:
    try:
        number = phonenumbers.parse(value, None)
    except phonenumbers.NumberParseException:
        raise ValidationError(
            "Not a telephone number in international form: write + and the country code, e.g. +442079460018."
        ) from None
    if not phonenumbers.is_possible_number(number):
        raise ValidationError("Not a possible telephone number: it has too few or too many digits.")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
