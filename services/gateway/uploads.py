"""Uploaded files: what is said once comes in the query or in the form's fields, the file is read as it arrives."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from flask import request
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.sansio.multipart import Data, Epilogue, Field, File, MultipartDecoder, NeedData

from services.gateway.bodies import SMALL, BoundedStream, stream, unsupported
from services.gateway.problems import Problem
from services.gateway.routes import query
from shared.errors import InvalidInput
from shared.intake.request import CONTENT_KINDS, POLICIES
from shared.intake.upload import Form
from shared.messages.content import CHANNELS, LANES

LIMIT = 1024 * 1024 * 1024
FORMS = {
    "text/csv": Form.CSV,
    "application/csv": Form.CSV,
    "application/vnd.ms-excel": Form.CSV,  # what browsers on Windows call a .csv
    "application/x-ndjson": Form.NDJSON,
    "application/ndjson": Form.NDJSON,
    "application/jsonl": Form.NDJSON,
}
MULTIPART = "multipart/form-data"
MEDIA_TYPES = ("text/csv", "application/x-ndjson", MULTIPART)
_SUFFIXES = {".csv": Form.CSV, ".ndjson": Form.NDJSON, ".jsonl": Form.NDJSON}
_OBJECTS = ("content", "data", "metadata")

PARAMETERS = [
    query("template", "For an uploaded file: as in the JSON form."),
    query("channel", "For an uploaded file: as in the JSON form.", enum=list(CHANNELS)),
    query("content", "For an uploaded file: as in the JSON form, a JSON object."),
    query("kind", "For an uploaded file: as in the JSON form.", enum=list(CONTENT_KINDS)),
    query("data", "For an uploaded file: variables that every row shares, a JSON object."),
    query("metadata", "For an uploaded file: a JSON object of strings that every row shares."),
    query("category", "For an uploaded file: as in the JSON form."),
    query("lane", "For an uploaded file: as in the JSON form.", enum=list(LANES)),
    query("send_at", "For an uploaded file: as in the JSON form.", format="date-time"),
    query("expires_at", "For an uploaded file: as in the JSON form.", format="date-time"),
    query("on_unknown", "For an uploaded file: as in the JSON form.", enum=list(POLICIES)),
]


@dataclass(frozen=True, slots=True)
class Upload:
    """What was uploaded: what every row shares, and the file."""

    shared: Mapping[str, Any]
    form: Form
    file: BoundedStream


def read_upload() -> Upload:
    """The upload in the request's body.

    Raises:
        Problem: neither CSV, NDJSON nor a form with such a file.
        InvalidInput: what is said once cannot be read.
    """
    if request.mimetype == MULTIPART:
        return _from_form()
    form = FORMS.get(request.mimetype)
    if form is None:
        raise unsupported(request.mimetype, "application/json", *MEDIA_TYPES)
    return Upload(_shared(request.args), form, stream(LIMIT))


def _shared(given: MultiDict[str, str]) -> dict[str, Any]:
    """The fields as JSON would have said them: `content`, `data` and `metadata` are JSON objects written as text."""
    problems: dict[str, list[str]] = {}
    shared: dict[str, Any] = {}
    for name, values in given.lists():
        if len(values) > 1:
            problems[name] = ["Give it once."]
        elif name in _OBJECTS:
            try:
                shared[name] = orjson.loads(values[0])
            except orjson.JSONDecodeError as error:
                problems[name] = [f"Must be a JSON object, at column {error.colno}: {error.msg}."]
        elif values[0]:
            shared[name] = values[0]
    if problems:
        raise InvalidInput(problems)
    return shared


def _from_form() -> Upload:
    """The fields that precede the file, and the file itself, which is not read yet."""
    boundary = request.mimetype_params.get("boundary", "").encode("latin-1", "replace")
    if not boundary:
        raise Problem("malformed", "The Content-Type of a form names its boundary.")
    events = _events(MultipartDecoder(boundary, max_form_memory_size=SMALL, max_parts=50))
    fields: MultiDict[str, str] = MultiDict(request.args)
    name, text = "", bytearray()
    for event in events:
        match event:
            case Field():
                name, text = event.name, bytearray()
            case File():
                return Upload(_shared(fields), _form_of(event), BoundedStream(_contents(events), LIMIT))
            case Data():
                text += event.data
                if not event.more_data:
                    fields.add(name, text.decode("utf-8", "replace"))
    raise InvalidInput({"file": ["The form has no file. Put it in the field `file`, after the other fields."]})


def _form_of(file: File) -> Form:
    media_type = file.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    named = next((form for suffix, form in _SUFFIXES.items() if (file.filename or "").lower().endswith(suffix)), None)
    form = named or FORMS.get(media_type)
    if form is None:
        raise unsupported(media_type, "a file called .csv, .ndjson or .jsonl")
    return form


def _events(decoder: MultipartDecoder) -> Iterator[Any]:
    source = stream(LIMIT)
    while True:
        try:
            event = decoder.next_event()
        except RequestEntityTooLarge:
            raise
        except ValueError:
            raise Problem("malformed", "The form's parts cannot be told apart.") from None
        if isinstance(event, Epilogue):
            return
        if isinstance(event, NeedData):
            decoder.receive_data(source.read(64 * 1024) or None)
        else:
            yield event


def _contents(events: Iterator[Any]) -> Iterator[bytes]:
    for event in events:
        if not isinstance(event, Data):
            # Too late to heed it, and wrong to pass over it: it may have been the moment to send at.
            raise Problem("malformed", "Put the form's other fields before its file. Rows may have been accepted.")
        if event.data:
            yield bytes(event.data)
