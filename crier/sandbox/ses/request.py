"""What Amazon SES checks of a `SendEmail` request with raw content.

https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html and, for limits,
https://docs.aws.amazon.com/ses/latest/dg/quotas.html. Texts of errors are SES's where they are published. A field that
is not documented is refused here; SES may pass over it.
"""

import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import parseaddr
from typing import Any

MAX_BYTES = 40 * 1024 * 1024
MAX_RECIPIENTS = 50
MAX_LINE = 1000

_FIELDS = {
    "ConfigurationSetName": str, "Content": dict, "Destination": dict, "EmailTags": list, "EndpointId": str,
    "FeedbackForwardingEmailAddress": str, "FeedbackForwardingEmailAddressIdentityArn": str, "FromEmailAddress": str,
    "FromEmailAddressIdentityArn": str, "ListManagementOptions": dict, "ReplyToAddresses": list, "TenantName": str,
}  # fmt: skip
_DESTINATIONS = ("ToAddresses", "CcAddresses", "BccAddresses")
_ADDRESS = re.compile(r"(.*<)?[!-;=?A-~]{1,64}@[A-Za-z0-9.-]{1,255}>?", re.DOTALL)
_TAG = re.compile(r"[A-Za-z0-9_-]{1,256}")
_ONCE = {
    "content-type", "date", "dkim-signature", "from", "keywords", "list-unsubscribe", "list-unsubscribe-post",
    "message-id", "mime-version", "reply-to", "return-path", "sender", "subject",
}  # fmt: skip
"""Of those that may not appear twice, the ones a mail of ours has
(https://docs.aws.amazon.com/ses/latest/dg/header-fields.html)."""
_MESSAGES = BytesParser(policy=policy.default)


class Refusal(Exception):
    """A request that SES does not take.

    Parameters:
        code: as in the header `x-amzn-ErrorType`.
        reason: as in the body.
    """

    def __init__(self, code: str, reason: str) -> None:
        self.code = code
        self.reason = reason
        super().__init__(code, reason)


@dataclass(frozen=True, slots=True)
class Account:
    """Where the account is, and what it has set up: domains that are verified, and configuration sets."""

    region: str
    domains: frozenset[str]
    configuration_sets: frozenset[str]

    def check(self, request: Any) -> None:
        """Raise `Refusal` for what SES would refuse."""
        if not isinstance(request, dict):
            raise Refusal("SerializationException", "The request body is not a JSON object.")
        for name, value in request.items():
            if name not in _FIELDS or not isinstance(value, _FIELDS[name]):
                raise Refusal("SerializationException", f"{name} is not a field, or not of its type.")
        recipients = _recipients(request.get("Destination", {}))
        _check_tags(request.get("EmailTags", []))
        content = raw(request)
        if content is None:
            raise _wrong("Content must be Raw, with Data in base64: the stand-in takes nothing else.")
        message = _mime(content)
        if not 1 <= len(recipients or _named(message)) <= MAX_RECIPIENTS:
            raise _wrong(f"Recipient count must be between 1 and {MAX_RECIPIENTS}.")
        known = request.get("ConfigurationSetName")
        if known is not None and known not in self.configuration_sets:
            raise Refusal("NotFoundException", f"Configuration set <{known}> does not exist.")
        self._check_sender(parseaddr(request.get("FromEmailAddress") or str(message["From"]))[1])

    def _check_sender(self, address: str) -> None:
        if address.rpartition("@")[2].lower() not in self.domains:
            raise Refusal(
                "MessageRejected",
                "Email address is not verified. The following identities failed the check in region"
                f" {self.region.upper()}: {address}",
            )


def raw(request: Any) -> bytes | None:
    """The mail of a request; `None` if it has none."""
    try:
        return b64decode(request["Content"]["Raw"]["Data"], validate=True)
    except (KeyError, TypeError, Base64Error, ValueError):
        return None


def _recipients(destination: Mapping[str, Any]) -> list[str]:
    if set(destination) - set(_DESTINATIONS):
        raise Refusal("SerializationException", "Destination has a field that is none.")
    found = [address for name in _DESTINATIONS for address in destination.get(name, [])]
    for address in found:
        if not isinstance(address, str) or not _ADDRESS.fullmatch(address):
            raise _wrong(f"Illegal address: {address!r}.")
    return found


def _check_tags(tags: list[Any]) -> None:
    for tag in tags:
        if not isinstance(tag, dict) or set(tag) != {"Name", "Value"}:
            raise Refusal("SerializationException", "A tag has a Name and a Value.")
        for value in tag.values():
            if not isinstance(value, str) or not _TAG.fullmatch(value):
                raise _wrong(f"Invalid tag: {value!r} can only contain ASCII letters, numbers, _ and -.")


def _mime(content: bytes) -> EmailMessage:
    if len(content) > MAX_BYTES:
        raise _wrong(f"Message length is more than {MAX_BYTES} bytes long: {len(content)}.")
    if max(map(len, content.split(b"\n"))) >= MAX_LINE:
        raise _wrong(f"A line has {MAX_LINE} characters or more.")
    message = _MESSAGES.parsebytes(content)
    assert isinstance(message, EmailMessage)
    if not re.search(rb"\n\r?\n", content) or message.defects or any(part.defects for part in message.walk()):
        raise _wrong("The message is no well-formed MIME message.")
    twice = [name for name, count in Counter(name.lower() for name in message).items() if count > 1]
    if repeated := _ONCE.intersection(twice):
        raise _wrong(f"Duplicate header '{min(repeated)}'.")
    if not message["From"]:
        raise _wrong("Missing required header 'From'.")
    return message


def _named(message: EmailMessage) -> list[str]:
    """The recipients of a request without `Destination`: those in the mail's headers."""
    return [str(address) for name in ("To", "Cc", "Bcc") if message[name] for address in message[name].addresses]


def _wrong(reason: str) -> Refusal:
    return Refusal("BadRequestException", reason)
