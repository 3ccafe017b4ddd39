"""What to do with a delivery of which nobody knows whether its last call sent it.

1. A provider that remembers our key is called again: nothing is sent twice, whatever the policy says.
2. A provider that can be asked is asked: it has the message, it does not, or it cannot tell.
3. Whatever is still in doubt follows its policy: `resend` is sent again, `hold` waits for a person.
"""

from dataclasses import dataclass
from typing import Any

from shared.delivery.outcomes import RetryPolicy, found, given_up, held
from shared.ledger.work import Claimed, Settlement
from shared.providers.permission import Breaker
from shared.providers.port import Found, LookUp, is_idempotent
from shared.providers.route import Route

ASK_AGAIN = 5.0
"""Seconds, at least, from a look-up that failed to the next."""
LONGEST = 300.0
"""Seconds, at most, until it is looked whether a provider can be asked again."""
ASKED_FOR = 3600.0
"""Seconds since the call after which a look-up that keeps failing is given up."""


@dataclass(frozen=True, slots=True)
class Send:
    """Send it. only: to this provider. cleared: it is sure that nothing has been sent yet."""

    only: str | None = None
    cleared: bool = False


@dataclass(frozen=True, slots=True)
class Wait:
    """Give it back until `delay` seconds have passed."""

    delay: float
    reason: str


@dataclass(frozen=True, slots=True)
class Ask:
    """Look it up at this provider first. is_probe: its breaker is open, and the question shows whether it works."""

    provider: Any
    is_probe: bool = False


FRESH = Send()
Step = Send | Wait | Ask | Settlement


def find_after(provider: Any) -> float | None:
    """Seconds after which a provider can be asked about a call; None if it cannot."""
    return float(provider.find_after) if hasattr(provider, "find") else None


def first_step(item: Claimed, route: Route[Any], policy: RetryPolicy) -> Step:
    """What to do with a claimed delivery, before anybody is asked."""
    if not item.doubt:
        return FRESH
    provider, ago = route.provider(item.provider), item.started_ago or 0.0
    if provider is None or item.started_at is None:
        return by_policy(item, policy, f"{item.provider or 'Its provider'} is not in the route any more.")
    patience = find_after(provider)
    if not is_idempotent(provider) and patience is None:
        return by_policy(item, policy, f"{provider.name} cannot be asked.")
    standing = route.standings.of(provider.name)
    # Where only doubts wait, nobody else would ever find out that it works again.
    probing = standing.breaker is Breaker.OPEN and standing.wait <= 0
    if route.standings.is_shut(provider.name) and not (probing and (item.hold or not route.others(provider.name))):
        if not item.hold and route.others(provider.name):
            return by_policy(item, policy, f"{provider.name} cannot be asked now.")
        if ago > policy.waiting_limit:
            return held(item, provider.name, f"Nobody knows whether it was sent, and {provider.name} does not answer.")
        return Wait(
            max(1.0, standing.wait, min(ago / 10, LONGEST)),
            f"Nobody knows whether it was sent; it waits for {provider.name} to answer again.",
        )
    if is_idempotent(provider):
        return Send(only=provider.name)
    if patience is not None and ago < patience:
        return Wait(patience - ago, f"Nobody knows whether it was sent. {provider.name} will be asked soon.")
    return Ask(provider, is_probe=probing)


def after_look_up(item: Claimed, provider: str, answer: LookUp | None, policy: RetryPolicy, tries: int) -> Step:
    """What to do when it was looked up.

    Parameters:
        answer: None where the look-up failed.
        tries: calls that may count, at all providers together.
    """
    if answer is None:
        ago = item.started_ago or 0.0
        if item.hold and ago < ASKED_FOR:
            # The longer it lasts already, the longer it may take.
            reason = f"Nobody knows whether it was sent. {provider} did not say, and will be asked again."
            return Wait(max(ASK_AGAIN, ago), reason)
        return by_policy(item, policy, f"{provider} did not say whether it has it.")
    match answer.found:
        case Found.SENT:
            return found(item, provider, answer.reference, answer.detail)
        case Found.ABSENT if item.attempts >= tries:
            return given_up(item, provider, f"{provider} does not have it, and no tries are left.")
        case Found.ABSENT:
            return Send(cleared=True)
        case Found.UNCLEAR:
            return by_policy(item, policy, answer.detail or f"{provider} cannot tell whether it has it.")


def by_policy(item: Claimed, policy: RetryPolicy, reason: str) -> Step:
    """Send it again where that is wanted and tries are left; otherwise it is held."""
    if not item.hold and item.attempts < policy.attempts:
        return FRESH
    return held(item, item.provider or "", f"Nobody knows whether it was sent. {reason} It is held for a person.")
