"""Which JSON SendGrid's v3 Mail Send takes, and how it names what is wrong.

Fields: https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send. Rules and sentences:
https://www.twilio.com/docs/sendgrid/api-reference/mail-send/errors and …/limitations. It is stricter than SendGrid in
three things: a field that is not documented is refused; so is a recipient outside ASCII, and a `,` or `;` in a
recipient's name, which SendGrid documents as not allowed, takes, and drops afterwards.
"""

import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import orjson
from marshmallow import RAISE, Schema, ValidationError, fields, validate

Problem = tuple[str, str]
_MAX_RECIPIENTS, _MAX_CUSTOM_ARGS, _MAX_CATEGORIES = 1000, 10_000, 10
_RESERVED = {
    "x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type", "content-transfer-encoding", "to", "from",
    "subject", "reply-to", "cc", "bcc",
}  # fmt: skip
_ADDRESS = re.compile(r"[!-?A-~]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_SOME = validate.Length(min=1)
_SWITCH = fields.Nested(Schema.from_dict({"enable": fields.Boolean()}))


def _object(**named: fields.Field[Any]) -> fields.Nested:
    return fields.Nested(Schema.from_dict(dict(named)))


def _address(value: str) -> None:
    if not _ADDRESS.fullmatch(value):
        raise ValidationError("Does not contain a valid address.")


_MAILBOX = Schema.from_dict({"email": fields.String(required=True, validate=_address), "name": fields.String()})
_STRINGS = fields.Dict(keys=fields.String(), values=fields.String())
_PERSONALIZATION = Schema.from_dict(
    {
        "from": fields.Nested(_MAILBOX),
        "to": fields.List(fields.Nested(_MAILBOX), required=True, validate=_SOME),
        "cc": fields.List(fields.Nested(_MAILBOX)),
        "bcc": fields.List(fields.Nested(_MAILBOX)),
        "subject": fields.String(validate=_SOME),
        "headers": _STRINGS,
        "substitutions": _STRINGS,
        "dynamic_template_data": fields.Dict(),
        "custom_args": _STRINGS,
        "send_at": fields.Integer(strict=True),
    }
)
_ATTACHMENT = Schema.from_dict(
    {
        "content": fields.String(required=True, validate=_SOME),
        "type": fields.String(validate=validate.Regexp(r"[^;,\r\n]+\Z")),
        "filename": fields.String(required=True),
        "disposition": fields.String(validate=validate.OneOf(("inline", "attachment"))),
        "content_id": fields.String(validate=validate.Regexp(r"[^;,\r\n]+\Z")),
    }
)
_MAIL = Schema.from_dict(
    {
        "personalizations": fields.List(
            fields.Nested(_PERSONALIZATION), required=True, validate=validate.Length(1, 1000)
        ),
        "from": fields.Nested(_MAILBOX, required=True),
        "reply_to": fields.Nested(_MAILBOX),
        "reply_to_list": fields.List(fields.Nested(_MAILBOX), validate=validate.Length(1, 1000)),
        "subject": fields.String(validate=_SOME),
        "content": fields.List(
            _object(
                type=fields.String(required=True, validate=_SOME), value=fields.String(required=True, validate=_SOME)
            )
        ),
        "attachments": fields.List(fields.Nested(_ATTACHMENT)),
        "template_id": fields.String(),
        "sections": _STRINGS,
        "headers": _STRINGS,
        "categories": fields.List(fields.String(validate=validate.Length(max=255))),
        "custom_args": _STRINGS,
        "send_at": fields.Integer(strict=True),
        "batch_id": fields.String(),
        "asm": _object(
            group_id=fields.Integer(strict=True, required=True),
            groups_to_display=fields.List(fields.Integer(strict=True), validate=validate.Length(max=25)),
        ),
        "ip_pool_name": fields.String(validate=validate.Length(2, 64)),
        "mail_settings": _object(
            bypass_list_management=_SWITCH,
            bypass_spam_management=_SWITCH,
            bypass_bounce_management=_SWITCH,
            bypass_unsubscribe_management=_SWITCH,
            footer=_object(enable=fields.Boolean(), text=fields.String(), html=fields.String()),
            sandbox_mode=_SWITCH,
        ),
        "tracking_settings": _object(
            click_tracking=_object(enable=fields.Boolean(), enable_text=fields.Boolean()),
            open_tracking=_object(enable=fields.Boolean(), substitution_tag=fields.String()),
            subscription_tracking=_object(
                enable=fields.Boolean(), text=fields.String(), html=fields.String(), substitution_tag=fields.String()
            ),
            ganalytics=_object(
                enable=fields.Boolean(),
                **{f"utm_{name}": fields.String() for name in ("source", "medium", "term", "content", "campaign")},
            ),
        ),
    }
)(unknown=RAISE)


def problems(mail: Any) -> list[Problem]:
    """Fields and sentences; empty for a mail that is taken."""
    wrong = list(_flat(_MAIL.validate(mail) if isinstance(mail, dict) else {"": ["Bad Request"]}))
    return wrong or [
        *(problem for index, one in enumerate(mail["personalizations"]) for problem in _recipients(one, index)),
        *_limits(mail),
        *_content(mail),
        *_headers(mail),
        *_attachments(mail),
    ]


def _recipients(one: Mapping[str, Any], index: int) -> Iterator[Problem]:
    seen = set()
    for kind in ("to", "cc", "bcc"):
        where = f"personalizations.{index}.{kind}"
        for position, box in enumerate(one.get(kind, ())):
            if box["email"].casefold() in seen:
                yield (
                    f"personalizations.{index}",
                    "Each email address in the personalization block should be unique between to, cc, and bcc. We "
                    f"found the first duplicate instance of [{box['email']}] in the {where} field.",
                )
            seen.add(box["email"].casefold())
            if re.search("[,;]", box.get("name", "")):
                yield f"{where}.{position}.name", "The name cannot include either the ; or , characters."


def _limits(mail: Mapping[str, Any]) -> Iterator[Problem]:
    count = sum(len(one.get(kind, ())) for one in mail["personalizations"] for kind in ("to", "cc", "bcc"))
    if count > _MAX_RECIPIENTS:
        yield "personalizations", "There is a limit of 1000 total recipients (to + cc + bcc) per request."
    categories = mail.get("categories", [])
    if len(categories) > _MAX_CATEGORIES:
        yield "categories", "You can only have up to 10 categories per message."
    if len(set(categories)) < len(categories):
        yield "categories", "Each category should be unique."
    arguments = [mail.get("custom_args", {}), *(one.get("custom_args", {}) for one in mail["personalizations"])]
    if any(len(orjson.dumps(one)) > _MAX_CUSTOM_ARGS for one in arguments):
        yield "custom_args", "The custom_args may not exceed 10000 bytes."
    if "reply_to" in mail and "reply_to_list" in mail:
        yield "reply_to_list", "Use either reply_to or reply_to_list, not both."


def _content(mail: Mapping[str, Any]) -> Iterator[Problem]:
    if "template_id" in mail:
        return
    if not mail.get("subject") and not all(one.get("subject") for one in mail["personalizations"]):
        yield (
            "subject",
            "The subject is required. You can get around this requirement if you use a template with a subject defined "
            "or if every personalization has a subject defined.",
        )
    kinds = [part["type"] for part in mail.get("content", ())]
    if not kinds:
        yield (
            "content",
            "Unless a valid template_id is provided, the content parameter is required. There must be at least one "
            "defined content block.",
        )
    first = [kind for kind in ("text/plain", "text/html") if kind in kinds]
    if kinds[: len(first)] != first:
        yield (
            "content",
            "Following RFC 1341, section 7.2, if either text/html or text/plain are to be sent in your email: "
            "text/plain needs to be first, followed by text/html, followed by any other content.",
        )
    if any(count > 1 for kind, count in Counter(kinds).items() if kind in first):
        yield "content", "If present, text/plain and text/html may only be provided once."


def _headers(mail: Mapping[str, Any]) -> Iterator[Problem]:
    for headers in (mail.get("headers", {}), *(one.get("headers", {}) for one in mail["personalizations"])):
        for name, value in headers.items():
            if name.lower() in _RESERVED:
                yield f"headers.{name}", f"The header {name} is reserved and may not be overridden."
            elif not re.fullmatch(r"[!-9;-~]+", name) or not value.isascii() or not value.isprintable():
                yield f"headers.{name}", "Headers must be encoded properly if they contain unicode characters."


def _attachments(mail: Mapping[str, Any]) -> Iterator[Problem]:
    for index, one in enumerate(mail.get("attachments", ())):
        try:
            b64decode(one["content"], validate=True)
        except Base64Error:
            yield f"attachments.{index}.content", "The attachment content must be base64 encoded."
        if "content_id" in one and one.get("disposition") != "inline":
            yield f"attachments.{index}.content_id", "A content_id is used when the disposition is inline."


def _flat(found: Any, path: str = "") -> Iterator[Problem]:
    """marshmallow's messages by the path SendGrid would write."""
    if isinstance(found, dict):
        for name, inner in found.items():
            yield from _flat(inner, f"{path}.{name}" if path else str(name))
    else:
        yield path, " ".join(found)
