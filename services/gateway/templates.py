"""`/v1/templates`: list, read, upload and preview. A stranger's template first runs in a child process with limits."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from threading import BoundedSemaphore
from typing import Any

from flask import Response
from flask_smorest import Blueprint
from marshmallow import Schema, fields

from services.gateway.answers import answer
from services.gateway.auth import identity
from services.gateway.bodies import SMALL, json_body
from services.gateway.parts import parts
from services.gateway.problems import KINDS, Problem
from services.gateway.routes import route
from shared.errors import InvalidInput, NotFound
from shared.intake.fields import Locale
from shared.intake.problems import StrictSchema, did_you_mean, load
from shared.intake.recipient import load_recipient
from shared.ledger.template_store import TemplateVersion
from shared.messages.content import dump_content
from shared.templates.bundle import MAX_BYTES, Bundle
from shared.templates.catalogue import bundle_of
from shared.templates.compiled import compile_bundle
from shared.templates.files import LAYOUT
from shared.templates.stranger import examine
from shared.templates.variables import Variable

blueprint = Blueprint("templates", __name__, url_prefix="/v1/templates", description="What notifications are made of.")

# A child process takes the better part of a second of a core: no more than this many at once.
_children = BoundedSemaphore(2)
_PATIENCE = 5.0
_DOCUMENT = ".typ"


class TemplateSummarySchema(Schema):
    """A template as a list shows it."""

    name = fields.String(required=True)
    version = fields.Integer(required=True)
    description = fields.String(required=True)
    kind = fields.String(required=True)
    category = fields.String(
        required=True, allow_none=True, metadata={"description": "What it is about, of which people choose."}
    )
    channels = fields.List(fields.String(), required=True)
    locales = fields.List(
        fields.String(),
        required=True,
        metadata={"description": "Its own language, and those it has variants in.", "example": ["en", "ar", "de"]},
    )
    created_at = fields.DateTime(required=True)


class TemplateListSchema(Schema):
    """The latest version of every template."""

    items = fields.List(fields.Nested(TemplateSummarySchema), required=True)


class VariableSchema(Schema):
    """A variable a template takes."""

    name = fields.String(required=True)
    type = fields.String(required=True)
    description = fields.String(required=True)
    required = fields.Boolean(required=True)
    default = fields.Raw(allow_none=True)
    secret = fields.Boolean(required=True)
    multiline = fields.Boolean()
    max_length = fields.Integer(allow_none=True)
    choices = fields.List(fields.Raw())
    items = fields.Dict(allow_none=True)
    fields_ = fields.List(fields.Dict(), data_key="fields")


class TemplateSchema(TemplateSummarySchema):
    """A template's latest version."""

    variables = fields.List(fields.Nested(VariableSchema), required=True)
    sample = fields.Dict(required=True, metadata={"description": "Example data."})
    files = fields.Dict(keys=fields.String(), values=fields.String(), required=True)


class TemplateRequestSchema(StrictSchema):
    """A template to upload: its files by name, e.g. `template.toml`, `email.subject.txt`, `email.body.html`.

    Those of a variant have its language before their name: `de/email.subject.txt`, `pt-BR/sms.body.txt`.
    Layout files it uses (`_layout/…`) may be left out when the installation's are meant.
    """

    files = fields.Dict(keys=fields.String(), values=fields.String(), required=True)


class PreviewRequestSchema(StrictSchema):
    """What to preview a template with. Without data, its own sample."""

    data = fields.Dict(keys=fields.String(), allow_none=True)
    recipient = fields.Dict(allow_none=True, metadata={"description": "As the `to` of a notification."})
    locale = Locale(
        allow_none=True, metadata={"description": "The recipient's, over `recipient.locale`.", "example": "ar"}
    )


class PreviewSchema(Schema):
    """The content by channel."""

    name = fields.String(required=True)
    version = fields.Integer(required=True)
    content = fields.Dict(required=True, metadata={"example": {"sms": {"body": "Your trip leaves at 18:30."}}})
    locales = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        required=True,
        metadata={"description": "The language of each channel's content.", "example": {"sms": "en"}},
    )


_UPLOAD, _PREVIEW = TemplateRequestSchema(), PreviewRequestSchema()


@route(
    blueprint, "GET", "", scope="read", name="listTemplates",
    answers=(200, TemplateListSchema, "The latest version of each."),
)  # fmt: skip
def index() -> Response:
    """The templates this project can use"""
    return answer({"items": [_summary(version) for version in parts().templates.names(identity().project_id)]})


@route(
    blueprint, "GET", "/<name>", scope="read", name="getTemplate",
    answers=(200, TemplateSchema, "The latest version."),
)  # fmt: skip
def show(name: str) -> Response:
    """A template, its variables and its files"""
    return answer(_whole(_latest(name)))


@route(
    blueprint, "PUT", "/<name>", scope="send", name="putTemplate",
    answers=(200, TemplateSchema, "The version that new notifications use from now on."),
    body={"application/json": TemplateRequestSchema}, about_body="512 KB of files.",
)  # fmt: skip
def upload(name: str) -> Response:
    """Add a version of a template

    The template is compiled and rendered with its own sample first. The same files as the latest version's add none.
    """
    asked = load(_UPLOAD, json_body(2 * MAX_BYTES))
    project_id = identity().project_id
    stored = [Bundle.from_json(version.bundle).files for version in parts().templates.names(project_id)]
    layout = {file: text for files in stored for file, text in files.items() if file.startswith(LAYOUT)}
    documents = [text for files in stored for file, text in files.items() if file.endswith(_DOCUMENT)]
    bundle = bundle_of(name, asked["files"], layout)
    latest = parts().templates.latest(project_id, name)
    if latest and latest.checksum == bundle.checksum:
        # Added to the project all the same, a shipped template would hide its own later versions.
        return answer(_whole(latest))
    with _a_child():
        examine(bundle, documents=documents, every_locale=True)
    version = parts().templates.add(project_id, name, bundle.checksum, bundle.to_json())
    parts().intake.templates.forget(project_id, name)
    return answer(_whole(version))


@route(
    blueprint, "POST", "/<name>/preview", scope="read", name="previewTemplate",
    answers=(200, PreviewSchema, "What would be sent."),
    body={"application/json": PreviewRequestSchema}, about_body="256 KB.",
)  # fmt: skip
def preview(name: str) -> Response:
    """What a template makes of data, in every channel it has"""
    asked = load(_PREVIEW, json_body(SMALL))
    recipient, problems = load_recipient(asked.get("recipient") or {})
    if problems:
        raise InvalidInput({path.replace("to.", "recipient.", 1): every for path, every in problems.items()})
    if asked.get("locale"):
        recipient["locale"] = asked["locale"]
    version = _latest(name)
    bundle = Bundle.from_json(version.bundle)
    # What is stored was examined when it came, or shipped with the installation.
    documents = [text for file, text in bundle.files.items() if file.endswith(_DOCUMENT)]
    brand = parts().identities.of(identity().project_id).brand
    with _a_child():
        made = examine(bundle, data=asked.get("data"), recipient=recipient, brand=brand, documents=documents)
    content = {channel: dump_content(channel, one) for channel, one in made.items()}
    template = compile_bundle(bundle)
    locales = {channel: template.locale_for(channel, recipient.get("locale"), brand.locale) for channel in content}
    return answer({"name": version.name, "version": version.version, "content": content, "locales": locales})


@contextmanager
def _a_child() -> Iterator[None]:
    if not _children.acquire(timeout=_PATIENCE):
        raise Problem("busy", KINDS["busy"][2], headers={"Retry-After": "2"})
    try:
        yield
    finally:
        _children.release()


def _latest(name: str) -> TemplateVersion:
    project_id = identity().project_id
    version = parts().templates.latest(project_id, name)
    if version is None:
        names = [other.name for other in parts().templates.names(project_id)]
        raise NotFound(f"There is no template {name[:80]}.{did_you_mean(name, names)}")
    return version


def _summary(version: TemplateVersion) -> dict[str, Any]:
    template = compile_bundle(Bundle.from_json(version.bundle))
    return {
        "name": version.name,
        "version": version.version,
        "description": template.description,
        "kind": template.kind,
        "category": template.category,
        "channels": template.channels,
        "locales": template.locales,
        "created_at": version.created_at,
    }


def _whole(version: TemplateVersion) -> dict[str, Any]:
    template = compile_bundle(Bundle.from_json(version.bundle))
    return {
        **_summary(version),
        "variables": _variables(list(template.variables.declared.values())),
        "sample": template.sample,
        "files": dict(Bundle.from_json(version.bundle).files),
    }


def _variables(declared: Sequence[Variable]) -> list[Mapping[str, Any]]:
    return [asdict(variable) for variable in declared]
