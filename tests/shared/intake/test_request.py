"""What is loaded plainly is what marshmallow loads."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from marshmallow import ValidationError

from shared.intake.request import BulkRequestSchema, EnvelopeSchema, NotificationRequestSchema

SCHEMAS = (EnvelopeSchema(), NotificationRequestSchema(), BulkRequestSchema())
VALUES: dict[str, list[Any]] = {
    "template": ["welcome", "", "a\nb", None, 5],
    "content": [{"body": "Hi"}, {}, None, "Hi"],
    "kind": ["promotion", "code", None],
    "channel": ["sms", "smoke", ["sms"], None],
    "data": [{"a": 1}, {}, None, []],
    "lane": ["bulk", "fast", None],
    "send_at": ["2027-03-01T18:30:00+01:00", "2027-03-01T18:30:00", None, 5],
    "expires_at": ["2027-03-01T18:30:00Z", "tomorrow", None],
    "on_unknown": ["hold", "guess", None],
    "metadata": [{"a": "b"}, {"a": 1}, {}, None],
    "to": [{"email": "x"}, None, "x"],
    "ordering_key": ["k", "", None],
    "recipients": [[{}], [], None],
    "odd": [1],
}


def requests() -> st.SearchStrategy[Any]:
    """Requests with any of the fields; the good values more often than not."""
    fields = {
        name: st.one_of(st.just(values[0]), st.just(values[0]), st.sampled_from(values))
        for name, values in VALUES.items()
    }
    rare = {name: fields.pop(name) for name in ("odd", "recipients", "ordering_key", "content", "kind")}
    some = st.fixed_dictionaries({}, optional=fields)
    more = st.one_of(st.just({}), st.just({"recipients": [{}]}), st.fixed_dictionaries({}, optional=rare))
    return st.one_of(st.tuples(some, more).map(lambda both: both[0] | both[1]), st.sampled_from([[], None, "x", 5]))


@settings(max_examples=1500)
@given(requests(), st.sampled_from(SCHEMAS))
def test_a_request_is_loaded_plainly_as_by_the_schema_or_not_at_all(request: Any, schema: EnvelopeSchema) -> None:
    try:
        loaded = schema.load(request)
    except ValidationError:
        loaded = None
    assert schema.load_plainly(request) == loaded
