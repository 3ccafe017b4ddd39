"""`/v1/recipients`: whom a project writes to, and what they want."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from flask import Response, request
from flask_smorest import Blueprint
from marshmallow import validate

from services.gateway import examples
from services.gateway.answers import answer
from services.gateway.auth import identity
from services.gateway.bodies import json_body, stream, unsupported
from services.gateway.parts import parts
from services.gateway.people_import import store
from services.gateway.people_schemas import (
    ImportedSchema,
    PreferencesLinkSchema,
    PreferencesRequestSchema,
    PreferencesSchema,
    RecipientPageSchema,
    RecipientRequestSchema,
    RemovedSchema,
    StoredRecipientSchema,
    as_stored,
    told,
    zone_problem,
)
from services.gateway.queries import RECIPIENTS_PARAMETERS, recipients_query
from services.gateway.routes import route
from services.gateway.uploads import FORMS
from shared.errors import Conflict, InvalidInput
from shared.intake.problems import StrictSchema, load
from shared.messages.fields import Line
from shared.unsubscribe import Subscription

KB, MB = 1024, 1024 * 1024
_FILES = ("text/csv", "application/x-ndjson")

blueprint = Blueprint(
    "recipients", __name__, url_prefix="/v1/recipients",
    description="Whom notifications go to: addresses, language, time zone, quiet hours, and what they want.",
)  # fmt: skip


class _UserSchema(StrictSchema):
    user_id = Line(validate=validate.Length(1, 200))


_RECIPIENT, _PREFERENCES, _USER = RecipientRequestSchema(), PreferencesRequestSchema(), _UserSchema()


@route(
    blueprint, "GET", "", scope="read", name="listRecipients",
    answers=(200, RecipientPageSchema, "A page, by their ids."), parameters=RECIPIENTS_PARAMETERS,
)  # fmt: skip
def index() -> Response:
    """Recipients, by their ids"""
    page = parts().recipients.page(identity().project_id, **recipients_query())
    return answer({"items": [told(one) for one in page.items], "next": page.next})


@route(
    blueprint, "POST", "/import", scope="send", name="importRecipients",
    answers=(200, ImportedSchema, "What came of it, with the bad rows."),
    body={media_type: {"type": "string", "format": "binary"} for media_type in _FILES}, about_body="64 MB.",
)  # fmt: skip
def import_many() -> Response:
    """Store everybody in a CSV or NDJSON file

    Columns, or fields, are those of a recipient, and `user_id`. Each row is as good as a PUT; bad ones are reported by
    line and field, and keep no good one from being stored. The same file again changes nothing.
    """
    form = FORMS.get(request.mimetype)
    if form is None:
        raise unsupported(request.mimetype, *_FILES)
    return answer(asdict(store(parts().recipients, identity().project_id, stream(64 * MB), form)))


@route(
    blueprint, "GET", "/<user_id>", scope="read", name="getRecipient",
    answers=(200, StoredRecipientSchema, "The recipient."),
)  # fmt: skip
def show(user_id: str) -> Response:
    """A stored recipient"""
    return answer(told(parts().recipients.get(identity().project_id, user_id)))


@route(
    blueprint, "PUT", "/<user_id>", scope="send", name="putRecipient",
    answers=(200, StoredRecipientSchema, "The recipient, as it is stored now."),
    body={"application/json": RecipientRequestSchema}, about_body="16 KB; what is left out is forgotten.",
    examples=examples.RECIPIENTS,
)  # fmt: skip
def put(user_id: str) -> Response:
    """Store a recipient

    From then on `"to": {"user_id": …}` is enough. What a request says itself comes before what is stored.
    """
    load(_USER, {"user_id": user_id})
    fields = as_stored(load(_RECIPIENT, json_body(16 * KB)))
    _check_zone(fields, fields.get("timezone"))
    parts().recipients.put(identity().project_id, user_id, fields)
    return show(user_id)


@route(
    blueprint, "PATCH", "/<user_id>", scope="send", name="changeRecipient",
    answers=(200, StoredRecipientSchema, "The recipient, as it is stored now."),
    body={"application/json": RecipientRequestSchema}, about_body="16 KB; null forgets a field.",
)  # fmt: skip
def change(user_id: str) -> Response:
    """Store something anew of a recipient"""
    changes = as_stored(load(_RECIPIENT, json_body(16 * KB)))
    stored = parts().recipients.get(identity().project_id, user_id)
    hours = {"quiet_from": stored.quiet_from, "quiet_until": stored.quiet_until}
    _check_zone(hours | changes, changes.get("timezone", stored.timezone))
    return answer(told(parts().recipients.change(identity().project_id, user_id, changes)))


@route(
    blueprint, "DELETE", "/<user_id>", scope="send", name="removeRecipient",
    answers=(200, RemovedSchema, "The recipient is forgotten."),
)  # fmt: skip
def remove(user_id: str) -> Response:
    """Forget a recipient

    What they want stays, so that they are not written to against their will when they are stored again.
    """
    parts().recipients.remove(identity().project_id, user_id)
    return answer({"removed": user_id})


@route(
    blueprint, "GET", "/<user_id>/preferences", scope="read", name="getPreferences",
    answers=(200, PreferencesSchema, "What was said, and what holds."),
)  # fmt: skip
def preferences(user_id: str) -> Response:
    """What a user wants, and what holds for each category and channel

    What holds is asked as it is before every send: suppressions of the user's stored addresses count too.
    """
    return _preferences(user_id)


@route(
    blueprint, "PUT", "/<user_id>/preferences", scope="send", name="putPreferences",
    answers=(200, PreferencesSchema, "What was said, and what holds."),
    body={"application/json": PreferencesRequestSchema}, about_body="64 KB; these instead of those before.",
    examples=examples.PREFERENCES,
)  # fmt: skip
def put_preferences(user_id: str) -> Response:
    """Say all that a user wants

    Heard before every send from now on, retries included. A user need not be stored to want something.
    """
    return _choose(user_id, replace=True)


@route(
    blueprint, "PATCH", "/<user_id>/preferences", scope="send", name="changePreferences",
    answers=(200, PreferencesSchema, "What was said, and what holds."),
    body={"application/json": PreferencesRequestSchema}, about_body="64 KB; the others stay.",
)  # fmt: skip
def change_preferences(user_id: str) -> Response:
    """Say some of what a user wants"""
    return _choose(user_id, replace=False)


@route(
    blueprint, "POST", "/<user_id>/preferences-link", scope="send", name="makePreferencesLink",
    answers=(200, PreferencesLinkSchema, "The address of the user's own page."),
)  # fmt: skip
def preferences_link(user_id: str) -> Response:
    """A link to a page where a user says what they want

    Signed, without a login: for an SMS, or an app. Whoever has it may choose for the user, so give it to them alone.
    """
    load(_USER, {"user_id": user_id})
    links = parts().links
    if links is None:
        raise Conflict("Links need the gateway's public address: set CRIER_PUBLIC_URL to one that begins with https.")
    stored = parts().recipients.find(identity().project_id, user_id)
    locale = stored.locale if stored else None
    return answer({"url": links.make(Subscription(identity().project_id, "", "", None, None, user_id, locale))})


def _check_zone(fields: Mapping[str, Any], timezone: str | None) -> None:
    if problem := zone_problem(fields, timezone):
        raise InvalidInput({"timezone": [problem]})


def _choose(user_id: str, *, replace: bool) -> Response:
    load(_USER, {"user_id": user_id})
    asked = load(_PREFERENCES, json_body(64 * KB))["choices"]
    project_id = identity().project_id
    declared = {one.name: one for one in parts().categories.all(project_id)}
    wanted: dict[tuple[str, str], bool | None] = {}
    problems: dict[str, list[str]] = {}
    for number, choice in enumerate(asked):
        name, place = choice["category"], (choice["category"] or "", choice["channel"] or "")
        if place in wanted:
            problems[f"choices.{number}"] = ["This category and channel stand here twice."]
        if name and declared and name not in declared:
            known = ", ".join(declared)
            problems[f"choices.{number}.category"] = [f"There is no such category; there are {known}."]
        elif name and name in declared and declared[name].required and choice["wanted"] is False:
            problems[f"choices.{number}.category"] = [f"{name} is required: it cannot be chosen."]
        wanted[place] = choice["wanted"]
    if problems:
        raise InvalidInput(problems)
    parts().preferences.set(project_id, user_id, wanted, source=f"key {identity().prefix}", replace=replace)
    return _preferences(user_id)


def _preferences(user_id: str) -> Response:
    project_id = identity().project_id
    said = [
        {"category": one.category or None, "channel": one.channel or None, "wanted": one.wanted, "source": one.source,
         "at": one.at}
        for one in parts().preferences.of(project_id, user_id)
    ]  # fmt: skip
    return answer({"user_id": user_id, "choices": said, "holds": parts().preferences.holding(project_id, user_id)})
