"""What a provider that can be asked says of a call whose outcome nobody knows."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from crier.sandbox import Sandbox
from shared.errors import Ambiguous, SendError, Unavailable
from shared.providers.port import Found, LookUp
from tests.contracts.case import Case
from tests.contracts.provider_cases import CASES
from tests.contracts.test_providers import received, sample, using

ASKED = [pytest.param(case, id=case.id) for case in CASES if case.absent]


def look_up(sandbox: Sandbox, case: Case, message: Any, asked_at: datetime | None = None) -> LookUp:
    moment = asked_at or datetime.now(UTC)

    async def ask(provider: Any) -> LookUp:
        found: LookUp = await provider.find(message, moment, (datetime.now(UTC) - moment).total_seconds())
        return found

    return using(case, sandbox.environment, ask)


def said(sandbox: Sandbox, case: Case, message: Any, asked_at: datetime) -> Found:
    try:
        return look_up(sandbox, case, message, asked_at).found
    except SendError:
        return Found.UNCLEAR


def doubtful(sandbox: Sandbox, case: Case, message: Any, *, taken: bool) -> datetime:
    """Send `message` and lose the answer; when it was sent."""

    async def send(provider: Any) -> None:
        with pytest.raises(Ambiguous):
            await provider.send(message)

    begun = datetime.now(UTC)
    sandbox.behave(case.name, fault="reset", accepts=taken, times=1)
    using(case, sandbox.environment, send)
    return begun


def test_who_can_be_asked_is_under_contract() -> None:
    can = [case.id for case in CASES if hasattr(case.vendor.build, "find")]
    assert can == [case.id for case in CASES if case.absent]
    assert all(getattr(case.vendor.build, "find_after", 0) > 0 for case in CASES if case.absent)


@pytest.mark.parametrize("case", ASKED)
def test_what_was_taken_is_found_by_its_reference(sandbox: Sandbox, case: Case) -> None:
    message = sample(case)
    begun = doubtful(sandbox, case, message, taken=True)
    found = look_up(sandbox, case, message, begun)
    [entry] = received(sandbox, case)
    assert (found.found, found.reference) == (Found.SENT, entry.reference)
    assert found.detail


@pytest.mark.parametrize("case", ASKED)
def test_what_was_not_taken_is_not_found(sandbox: Sandbox, case: Case) -> None:
    message = sample(case)
    begun = doubtful(sandbox, case, message, taken=False)
    assert said(sandbox, case, message, begun) is case.absent
    assert received(sandbox, case) == []


@pytest.mark.parametrize("case", ASKED)
def test_what_somebody_else_was_sent_is_not_it(sandbox: Sandbox, case: Case) -> None:
    async def send(provider: Any) -> None:
        await provider.send(sample(case, target=case.target.replace("0123", "0124").replace("ada", "eve")))

    using(case, sandbox.environment, send)
    assert said(sandbox, case, sample(case), datetime.now(UTC)) is case.absent


@pytest.mark.parametrize("case", ASKED)
@pytest.mark.parametrize(
    "behaviour",
    [{"status": 401}, {"status": 403}, {"status": 404}, {"status": 429}, {"status": 500}, {"status": 200, "body": "[]"},
     {"fault": "reset"}, {"fault": "half"}, {"fault": "huge"}],
    ids=lambda behaviour: "-".join(map(str, behaviour.values())),
)  # fmt: skip
def test_a_look_up_that_is_refused_or_breaks_says_nothing(
    sandbox: Sandbox, case: Case, behaviour: dict[str, Any]
) -> None:
    message = sample(case)
    begun = doubtful(sandbox, case, message, taken=True)
    sandbox.behave(case.name, stage="look-up", **behaviour)
    assert said(sandbox, case, message, begun) is Found.UNCLEAR
    assert len(received(sandbox, case)) == 1


@pytest.mark.parametrize(("name", "in_the_end"), [("mailgun", Found.ABSENT), ("sendgrid", Found.UNCLEAR)])
def test_what_may_come_yet_is_asked_for_again_until_it_cannot(sandbox: Sandbox, name: str, in_the_end: Found) -> None:
    [case] = [case for case in CASES if case.name == name]
    with pytest.raises(Unavailable, match="not yet") as caught:
        look_up(sandbox, case, sample(case), datetime.now(UTC) - timedelta(minutes=14))
    assert caught.value.blames == "nobody"
    assert look_up(sandbox, case, sample(case), datetime.now(UTC) - timedelta(minutes=31)).found is in_the_end


@pytest.mark.parametrize(
    ("name", "grant"), [("sendgrid", "the permission Email Activity"), ("mailgun", "MAILGUN_API_KEY may only send")]
)
def test_who_must_not_ask_is_told_what_to_grant(sandbox: Sandbox, name: str, grant: str) -> None:
    [case] = [case for case in CASES if case.name == name]
    sandbox.behave(name, stage="look-up", status=403)
    assert grant in look_up(sandbox, case, sample(case)).detail
