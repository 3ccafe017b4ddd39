"""What a request does something to: some by their ids, or all that match; and what came of it."""

from collections.abc import Mapping
from typing import Any

from flask import Response
from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from services.gateway.answers import answer
from services.gateway.parts import parts
from shared.intake.problems import StrictSchema
from shared.ledger.chosen import Done, Filters, Ids, Matching
from shared.messages.fields import Line

MAX_IDS = 1000


class ChosenSchema(StrictSchema):
    """Which ones. A schema that derives from this has a field `filter`."""

    ids = fields.List(
        fields.UUID(), validate=validate.Length(1, MAX_IDS), metadata={"description": "These; or leave it to `filter`."}
    )
    expected = fields.Integer(
        validate=validate.Range(0),
        metadata={"description": "How many match the filter. Other than that, and nothing is done."},
    )
    all = fields.Boolean(metadata={"description": "However many match the filter, instead of `expected`."})
    dry_run = fields.Boolean(load_default=False, metadata={"description": "Only say how many match the filter."})
    cursor = Line(
        validate=validate.Length(1, 200),
        metadata={"description": "`next` of the answer before, with the same filter: goes on with the rest."},
    )

    @validates_schema
    def _is_meant(self, data: Mapping[str, Any], **_: Any) -> None:
        if ("ids" in data) == ("filter" in data):
            raise ValidationError("Give either ids or a filter; {} is all there are.", "filter")
        if "ids" in data:
            surplus = [name for name in ("expected", "all", "cursor") if name in data] + ["dry_run"] * data["dry_run"]
            if surplus:
                raise ValidationError("It belongs to a filter, not to ids.", surplus[0])
        elif not data["dry_run"] and "cursor" not in data and ("expected" in data) == bool(data.get("all")):
            raise ValidationError(
                "Say how many match (dry_run tells), so that a wrong filter does no harm; or all: true.", "expected"
            )


class RefusalSchema(Schema):
    """One to which it could not be done; it is as it was."""

    id = fields.UUID(required=True)
    problem = fields.String(required=True)


class DoneSchema(Schema):
    """What came of it."""

    matching = fields.Integer(
        required=True, allow_none=True, metadata={"description": "How many match; only in a dry run."}
    )
    done = fields.Integer(required=True, metadata={"description": "To how many it was done."})
    skipped = fields.Integer(required=True, metadata={"description": "To how many it could not be; they stay."})
    refusals = fields.List(
        fields.Nested(RefusalSchema), required=True, metadata={"description": "Why not, of the first hundred."}
    )
    next = fields.String(
        required=True, allow_none=True,
        metadata={"description": "More match than are done at once: call again with this as `cursor`."},
    )  # fmt: skip


def chosen(asked: Mapping[str, Any], filters: Filters) -> Ids | Matching[Filters]:
    """What a loaded `ChosenSchema` asks for; `filters` is what its filter says."""
    if "ids" in asked:
        return Ids(list(dict.fromkeys(asked["ids"])))
    return Matching(filters, None if asked.get("all") else asked.get("expected"), asked.get("cursor"))


def matching(count: int) -> Response:
    """The answer to a dry run."""
    return answer({"matching": count, "done": 0, "skipped": 0, "refusals": [], "next": None})


def told(done: Done) -> Response:
    """The answer, after ringing for what is queued again."""
    for queue in sorted(done.queues):
        parts().ringer.ring(queue)
    refusals = [{"id": one, "problem": problem} for one, problem in done.refusals.items()]
    return answer(
        {"matching": None, "done": done.done, "skipped": done.skipped, "refusals": refusals, "next": done.next}
    )
