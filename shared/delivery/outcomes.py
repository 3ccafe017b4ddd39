"""What an answer (or the lack of one) makes of a delivery: the retry policy, in one place."""

import random
import re
from dataclasses import dataclass
from math import ceil

from shared.errors import Ambiguous, Rejected, SendError, Unavailable
from shared.ledger.states import State
from shared.ledger.work import Claimed, Settlement
from shared.providers.permission import UNTROUBLED, Breaker, Standing
from shared.providers.port import Sent

_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
_DETAIL_LENGTH = 500


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When to try again.

    Parameters:
        retries: further attempts after the first.
        base: seconds before the first retry; doubles each time. Equal jitter: half of it fixed, half random.
        waiting_limit: seconds since acceptance during which waiting for a provider costs no attempt.
        delays: seconds before each retry, instead of retries and base; up to a tenth is added at random.
    """

    retries: int = 3
    base: float = 60.0
    waiting_limit: float = 86_400.0
    delays: tuple[float, ...] = ()

    @property
    def attempts(self) -> int:
        """Calls that may count before a delivery is given up."""
        return 1 + (len(self.delays) or self.retries)

    def delay(self, attempts: int) -> float:
        """Seconds before the try that follows `attempts` counted ones."""
        if self.delays:
            return self.delays[min(attempts, len(self.delays)) - 1] * random.uniform(1.0, 1.1)
        full = self.base * 2.0 ** max(0, attempts - 1)
        return full / 2 + random.uniform(0, full / 2)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What else decides about a delivery's next try.

    Parameters:
        idempotent: a repetition cannot send twice (`is_idempotent`), so doubt is tried again even where it is to be
            held. What is still in doubt after the last try is held all the same.
        find_after: seconds after which the provider can be asked whether it has the message; None if it cannot.
        providers: how many the route has. A message may be tried as often at each.
        elsewhere: another provider of the route may be called now.
        standing: of the provider, its answer included.
        cleared: a look-up has settled that earlier calls sent nothing.
        sender: who the message came from, where it says so.
    """

    idempotent: bool = False
    find_after: float | None = None
    providers: int = 1
    elsewhere: bool = False
    standing: Standing = UNTROUBLED
    cleared: bool = False
    sender: str = ""


USUAL = Circumstances()


def settlement(
    item: Claimed, provider: str, answer: Sent | SendError, policy: RetryPolicy, about: Circumstances = USUAL
) -> Settlement:
    """What to write for `item` after `answer`."""
    attempts = item.attempts + 1
    match answer:
        case Sent():
            return taken(item, provider, answer)
        case Rejected():
            return _refused(item, provider, answer, about)
        case Unavailable():
            return _unavailable(item, provider, answer, policy, about)
        case Ambiguous() if about.find_after is not None:
            next_step = f"{provider} will be asked in {about.find_after:g} s."
            return _unknown(item, provider, answer, next_step, delay=about.find_after)
        case Ambiguous() if (about.idempotent or not item.hold) and attempts < policy.attempts:
            delay = policy.delay(attempts)
            safely = ", which sends nothing twice" if about.idempotent else ""
            return _unknown(item, provider, answer, f"It is tried again in {delay:.0f} s{safely}.", delay=delay)
        case _:
            return _unknown(item, provider, answer, "It is held for a person.")


def taken(item: Claimed, provider: str, answer: Sent) -> Settlement:
    """What to write for `item` when the provider took it."""
    state = State.DELIVERED if answer.delivered else State.SENT
    return Settlement(
        item.id, item.fence, state, str(state), provider, detail=_tidy(answer.detail), reference=answer.reference
    )


def held(item: Claimed, provider: str, reason: str, *, code: str | None = None, counts: bool = False) -> Settlement:
    """What is in doubt and waits for a person to decide."""
    return Settlement(
        item.id, item.fence, State.UNKNOWN, "unknown", provider,
        code=code, detail=_tidy(reason), held=True, counts=counts,
    )  # fmt: skip


def found(item: Claimed, provider: str, reference: str | None, detail: str) -> Settlement:
    """What was in doubt, and the provider says that it has it."""
    return Settlement(
        item.id, item.fence, State.SENT, "found", provider, counts=False,
        reference=reference, detail=_tidy(detail or f"{provider} says that it has it."),
    )  # fmt: skip


def given_up(item: Claimed, provider: str, reason: str) -> Settlement:
    """What was not sent, and has no tries left."""
    return _failed(item, provider, Unavailable(reason), "unavailable")


def not_called(item: Claimed, provider: str, reason: str) -> Settlement:
    """What to write for `item` when it was not called, and the ledger may have it that it was."""
    gone = Unavailable(f"{reason} Nobody was called.")
    return _again(item, provider, gone, "waiting", delay=0.0, counts=False)


def _unavailable(
    item: Claimed, provider: str, answer: Unavailable, policy: RetryPolicy, about: Circumstances
) -> Settlement:
    attempts, blamed = item.attempts + 1, answer.blames == "provider"
    at_once = random.uniform(0.0, 1.0) if blamed and about.elsewhere else None
    pause = answer.retry_after
    if pause is None and blamed and about.standing.breaker is not Breaker.CLOSED:
        # It is down for everybody, which this message is not to pay for.
        pause = about.standing.wait + random.uniform(0.0, 1.0)
    if pause is not None and item.age + pause <= policy.waiting_limit:
        delay = max(1.0, pause) if at_once is None else at_once
        return _again(item, provider, answer, "waiting", delay=delay, counts=False)
    if attempts < policy.attempts * about.providers:
        # Each provider is tried before there is a pause, and each pause is as long as it would be with one.
        again = at_once if attempts % about.providers else None
        delay = policy.delay(ceil(attempts / about.providers)) if again is None else again
        return _again(item, provider, answer, "unavailable", delay=delay, counts=True)
    if item.doubt and not about.cleared:
        reason = f"{answer.reason} Nobody knows of an earlier call whether it sent it."
        return held(item, provider, reason, code=answer.code, counts=True)
    return _failed(item, provider, answer, "unavailable")


def _refused(item: Claimed, provider: str, answer: Rejected, about: Circumstances) -> Settlement:
    if item.channel == "push":
        return _failed(item, provider, answer, "rejected", target_is_dead=answer.target_is_dead)
    if answer.opted_out:
        return _failed(item, provider, answer, "rejected", suppress="opt-out", sender=about.sender)
    return _failed(item, provider, answer, "rejected", suppress="invalid" if answer.target_is_dead else None)


def _failed(
    item: Claimed,
    provider: str,
    answer: SendError,
    outcome: str,
    *,
    target_is_dead: bool = False,
    suppress: str | None = None,
    sender: str = "",
) -> Settlement:
    return Settlement(
        item.id, item.fence, State.FAILED, outcome, provider,
        code=answer.code, detail=_tidy(answer.reason), target_is_dead=target_is_dead, suppress=suppress, sender=sender,
    )  # fmt: skip


def _again(item: Claimed, provider: str, answer: SendError, outcome: str, *, delay: float, counts: bool) -> Settlement:
    return Settlement(
        item.id, item.fence, State.QUEUED, outcome, provider,
        delay=delay, counts=counts, code=answer.code, detail=_tidy(answer.reason),
    )  # fmt: skip


def _unknown(
    item: Claimed, provider: str, answer: SendError, next_step: str, *, delay: float | None = None
) -> Settlement:
    return Settlement(
        item.id, item.fence, State.UNKNOWN, "unknown", provider,
        delay=delay or 0.0, code=answer.code, detail=_tidy(f"{_sentence(answer.reason)} {next_step}"),
        held=delay is None,
    )  # fmt: skip


def _sentence(reason: str) -> str:
    return reason if reason.endswith((".", "!", "?")) else f"{reason}."


def _tidy(detail: str) -> str:
    """One line, without what PostgreSQL cannot store, of bounded length: a provider may answer anything."""
    return _CONTROL.sub(" ", detail).strip()[:_DETAIL_LENGTH] if detail else ""
