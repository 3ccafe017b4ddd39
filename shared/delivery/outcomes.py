"""What an answer (or the lack of one) makes of a delivery: the retry policy, in one place."""

import random
import re
from dataclasses import dataclass

from shared.errors import Ambiguous, Rejected, SendError, Unavailable
from shared.ledger.states import State
from shared.ledger.work import Claimed, Settlement
from shared.providers.port import Sent

_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
_DETAIL_LENGTH = 500


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When to try again.

    Parameters:
        retries: further attempts after the first.
        base: seconds before the first retry; doubles each time. Equal jitter: half of it fixed, half random.
        waiting_limit: seconds since acceptance during which being asked to wait costs no attempt.
    """

    retries: int = 3
    base: float = 60.0
    waiting_limit: float = 86_400.0

    def delay(self, attempts: int) -> float:
        """Seconds before the try that follows `attempts` counted ones."""
        full = self.base * 2.0 ** max(0, attempts - 1)
        return full / 2 + random.uniform(0, full / 2)


def settlement(
    item: Claimed, provider: str, answer: Sent | SendError, policy: RetryPolicy, *, idempotent: bool = False
) -> Settlement:
    """What to write for `item` after `answer`.

    Parameters:
        idempotent: a repetition cannot send twice (`is_idempotent`), so doubt is tried again even where it is to be
            held. What is still in doubt after the last try is held all the same.
    """
    attempts = item.attempts + 1
    match answer:
        case Sent():
            state = State.DELIVERED if answer.delivered else State.SENT
            return Settlement(
                item.id,
                item.fence,
                state,
                str(state),
                provider,
                detail=_tidy(answer.detail),
                reference=answer.reference,
            )
        case Rejected():
            return _failed(item, provider, answer, "rejected", target_is_dead=answer.target_is_dead)
        case Unavailable(retry_after=float() | int() as pause) if item.age + pause <= policy.waiting_limit:
            return _again(item, provider, answer, "waiting", delay=max(1.0, pause), counts=False)
        case Unavailable() if attempts <= policy.retries:
            return _again(item, provider, answer, "unavailable", delay=policy.delay(attempts), counts=True)
        case Unavailable():
            return _failed(item, provider, answer, "unavailable")
        case Ambiguous() if (idempotent or not item.hold) and attempts <= policy.retries:
            return _again(item, provider, answer, "unknown", delay=policy.delay(attempts), counts=True)
        case _:
            return Settlement(
                item.id, item.fence, State.UNKNOWN, "unknown", provider,
                code=answer.code, detail=_tidy(answer.reason), held=True,
            )  # fmt: skip


def _failed(
    item: Claimed, provider: str, answer: SendError, outcome: str, *, target_is_dead: bool = False
) -> Settlement:
    return Settlement(
        item.id, item.fence, State.FAILED, outcome, provider,
        code=answer.code, detail=_tidy(answer.reason), target_is_dead=target_is_dead,
    )  # fmt: skip


def _again(item: Claimed, provider: str, answer: SendError, outcome: str, *, delay: float, counts: bool) -> Settlement:
    return Settlement(
        item.id, item.fence, State.QUEUED, outcome, provider,
        delay=delay, counts=counts, code=answer.code, detail=_tidy(answer.reason),
    )  # fmt: skip


def _tidy(detail: str) -> str:
    """One line, without what PostgreSQL cannot store, of bounded length: a provider may answer anything."""
    return _CONTROL.sub(" ", detail).strip()[:_DETAIL_LENGTH]
