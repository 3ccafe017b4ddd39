"""P6. A critical message behind a campaign: from the moment it is accepted until its provider is called.

Messages are accepted one call each, at moments that have nothing to do with anybody's polling, while a campaign
drains (of a million for ours; of as many as last for the peer, whose queue is no slower for being longer). The
provider answers the campaign at once, after 100 ms or after 2 s, and critical messages at once, by a process of their
own: else they would wait until the stand-in, which is in Python too, has heard a campaign's burst. Ours runs as in
production, where the critical lane has a process of its own, and packed, where everything is in one; the peer with a
worker for the urgent queue, and with one for both, the urgent queue first.

Every critical message must have been called once and be marked sent, and no other one twice; the campaign must outlast
the measurement.
"""

from collections.abc import Sequence
from functools import partial

from bench import texts
from bench.draining import start_provider
from bench.load import generate, percentile
from bench.ours.system import crier
from bench.peer.celery_tasks import QUEUE, URGENT
from bench.peer.system import Peer
from bench.peer.ways import Way, celery
from bench.run import Run
from bench.scenario import OURS, Figure, Figures, Scale, Scenario, at
from bench.tally import Inexact, called, calls, check_once, waited
from bench.waiting import begin_with_campaign

CONNECTIONS, PAUSES = 6, (0.05, 0.25)
"""About 40 a second."""
PERCENTS = (1, 10, 25, 50, 75, 90, 95, 99)
LONGEST = 100
"""The percentile that is the maximum."""
PACKED = f"{OURS} packed"
SEPARATE = celery("threads", 8, queues=URGENT)
BULK = celery("threads", 64)
SHARED = celery("threads", 64, queues=f"{URGENT},{QUEUE}", prefetch=1)


def ours(run: Run, scale: Scale, *, thinks: float | None, packed: bool = False) -> Figures:
    """Gateway, relay and workers."""
    campaign = begin_with_campaign(run, scale)
    numbers = _numbers(scale)
    with crier(run, campaign=True) as side:
        provider = _provider(run, thinks)
        side.start_relay()
        side.start_gateway()
        if packed:
            workers = [side.start_packed(provider)]
        else:
            workers = [
                side.start_workers(provider, name="critical", processes=1, queues=["sms.critical"]),
                side.start_workers(provider, name="bulk", queues=["sms.normal", "sms.bulk"]),
            ]
        _send(run, side.url, numbers, scale, key=side.key)
        _check_outlasted(run, len(campaign) + len(numbers), scale)
        # In order, so that what is under way ends and is settled: then every call is of a row that says sent.
        run.stop(*workers)
        phones = _check_calls(run, numbers)
        side.check_settled(called(run.tally))
        side.check_rest_waits()
        return _figures(waited(side.accepted(), run.tally, phones))


def peer(run: Run, scale: Scale, *, thinks: float | None, ways: Sequence[Way]) -> Figures:
    """Flask and Celery workers."""
    # About twenty seconds of its work, by what it was seen to do.
    backlog = range(scale.pick(*{None: (12_000, 8_000, 400), 0.1: (8_000, 5_000, 400)}.get(thinks, (1_000, 600, 400))))
    numbers, side = _numbers(scale), Peer(run)
    side.accept(backlog)
    provider = _provider(run, thinks)
    side.start_web()
    for number, way in enumerate(ways):
        side.start_workers(way, provider, name=f"worker{number}-")
    _send(run, side.url, numbers, scale)
    _check_outlasted(run, len(backlog) + len(numbers), scale)
    phones = _check_calls(run, numbers)
    return _figures(waited(side.accepted(), run.tally, phones))


def _numbers(scale: Scale) -> range:
    return range(texts.PROMPT, texts.PROMPT + scale.pick(320, 160, 15))


def _provider(run: Run, thinks: float | None) -> str:
    """Its addresses: those who answer critical messages are not behind the campaign, as at a vendor they are not."""
    if thinks is None:
        return ""
    return f"{start_provider(run, thinks)} {start_provider(run, 0, name='prompt')}"


def _send(run: Run, url: str, numbers: range, scale: Scale, key: str = "") -> None:
    """Wait until the campaign drains, and send the critical ones among it; return when all were called."""
    run.wait_for_calls(scale.pick(200, 200, 30))
    bodies = [texts.one("sms", number, lane="critical") for number in numbers]
    generate(run.folder, url, bodies, key=key, connections=CONNECTIONS, pauses=PAUSES)
    wanted = {texts.phone(number) for number in numbers}
    run.wait_until(lambda: wanted <= {phone for phone, _ in calls(run.tally)}, "every critical message is called")


def _check_outlasted(run: Run, count: int, scale: Scale) -> None:
    # That of a test is too small to last.
    if called(run.tally) >= count and scale is not Scale.TINY:
        raise Inexact("the campaign had ended before the last critical message was called")


def _check_calls(run: Run, numbers: range) -> list[str]:
    """See that each critical message was called once, and no other one twice; the phones, those to warm up left out."""
    phones = [texts.phone(number) for number in numbers]
    found = [phone for phone, _ in calls(run.tally)]
    urgent = set(phones)
    check_once(phones, (phone for phone in found if phone in urgent), "critical calls")
    check_once(set(found), found, "calls")
    return phones[len(phones) // 5 :]


def _figures(waits: Sequence[float]) -> Figures:
    return {at("ms", LONGEST): max(waits)} | {at("ms", percent): percentile(waits, percent) for percent in PERCENTS}


def _scenario(name: str, what: str, thinks: float | None) -> Scenario:
    def figures(side: str) -> tuple[Figure, ...]:
        return (
            Figure(at("ms", 99), "p99, ms", "P6", more_is_better=False, ours=50, side=side),
            Figure(at("ms", 50), "p50, ms", more_is_better=False, side=side),
            Figure(at("ms", LONGEST), "longest, ms", more_is_better=False, side=side),
        )

    separate = f"Celery, an urgent worker and {BULK.name.removeprefix('Celery ')}"
    return Scenario(
        name=name,
        what=f"critical, while a campaign drains whose provider answers {what}",
        sides={
            OURS: partial(ours, thinks=thinks),
            PACKED: partial(ours, thinks=thinks, packed=True),
            separate: partial(peer, thinks=thinks, ways=(BULK, SEPARATE)),
            f"Celery, one worker for both, {SHARED.name.removeprefix('Celery ')}": partial(
                peer, thinks=thinks, ways=(SHARED,)
            ),
        },
        figures=(*figures(OURS), *figures(PACKED)),
        rounds=1,
        quick=(OURS, PACKED, separate) if thinks is None else (),
    )


CRITICAL = (
    _scenario("critical-instant", "at once", None),
    _scenario("critical-100-ms", "after 100 ms", 0.1),
    _scenario("critical-2-s", "after 2 s", 2.0),
)
