"""The client's errors cross processes: a task queue or a pool pickles what a worker raised."""

import pickle

import pytest

from crier import ApiProblem, CrierError, GatewayUnreachable, NoAccess, WaitTimeout

DOCUMENT = {
    "type": "/docs/problems#invalid-request",
    "title": "The request has mistakes",
    "detail": "1 mistake; nothing was accepted.",
    "errors": [{"field": "to.email", "problem": "Not a valid e-mail address."}],
}


@pytest.mark.parametrize(
    "error",
    [
        NoAccess("CRIER_API_KEY is not set."),
        ApiProblem(status=422, document=DOCUMENT, request_id="r-1", retry_after=None),
        GatewayUnreachable("http://127.0.0.1:1", "connection refused", "See that it runs."),
        WaitTimeout("It is still queued.", {"state": "queued"}),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_pickled_error_is_the_same(error: CrierError):
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)
