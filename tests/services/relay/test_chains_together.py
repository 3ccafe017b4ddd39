"""Whatever happens at the same moment, and whatever dies: each step begins once, and none after a success."""

import queue
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from services.relay.chains import ChainDesk
from shared.errors import Conflict
from shared.ledger import chains
from shared.ledger.chains import Chains
from shared.ledger.chosen import Ids
from shared.ledger.database import Database
from shared.ledger.held import Decision, Held
from shared.ledger.recovery import Recovery
from shared.ledger.states import State
from shared.receipts.port import Kind
from tests.services.relay.chain_scene import MINUTE, Scene

ROOT = Path(__file__).parents[3]


@pytest.fixture
def scene(database: Database) -> Scene:
    return Scene(database)


class TestTheGate:
    def test_a_step_that_was_claimed_does_not_start_once_another_has_succeeded(self, scene: Scene) -> None:
        """Before the relay has looked at the report as well as after."""
        for looks in (False, True):
            chain = scene.send(fallback_after="1m")
            [push] = scene.answer("push")
            scene.sweep(2 * MINUTE)
            claimed = scene.claim("sms.normal")
            scene.report(push, Kind.DELIVERED)
            if looks:
                scene.sweep()
            assert scene.start(claimed) == frozenset()
            [sms] = [one for one in scene.show(chain).deliveries if one.target == claimed[0].target]
            assert (sms.state, sms.reason) == (State.CANCELLED, "The chain has already succeeded by push.")
            scene.sweep()
            assert scene.state(chain) == "succeeded"

    def test_nor_does_one_that_is_taken_back_from_a_dead_worker(self, scene: Scene) -> None:
        scene.send(fallback_after="1m")
        [push] = scene.answer("push")
        scene.sweep(2 * MINUTE)
        scene.claim("sms.normal")
        scene.report(push, Kind.DELIVERED)
        scene.rows("UPDATE deliveries SET lease_until = now() - interval '1 s' WHERE state = 'claimed' RETURNING 1")
        assert len(Recovery(scene.database).reap(patience=0)) == 1
        again = scene.claim("sms.normal")
        assert len(again) == 1
        assert scene.start(again) == frozenset()

    def test_nor_one_that_is_tried_again_after_a_failure(self, scene: Scene) -> None:
        chain = scene.send(fallback_after="1m")
        scene.answer("push", State.QUEUED, delay=0.0)
        scene.sweep(2 * MINUTE)
        [sms] = scene.answer("sms")
        scene.report(sms, Kind.DELIVERED)
        assert scene.answer("push") == []
        assert scene.states(chain)["push"] == "cancelled"

    def test_what_is_in_doubt_is_not_sent_again_and_is_held(self, scene: Scene) -> None:
        chain = scene.send(fallback_after="1m", on_unknown="resend")
        scene.answer("push", State.UNKNOWN, delay=0.0)
        scene.sweep(2 * MINUTE)
        again = scene.claim("push.normal")
        [sms] = scene.answer("sms")
        scene.report(sms, Kind.DELIVERED)
        assert scene.start(again) == frozenset()
        [push] = [one for one in scene.show(chain).deliveries if one.id == again[0].id]
        assert push.state == State.UNKNOWN
        assert push.held_at
        assert push.reason == (
            "Nobody knows whether it was sent, and it must not be sent any more: "
            "it is a step of a chain that has ended."
        )

    def test_nobody_sends_again_by_hand_what_is_over(self, scene: Scene) -> None:
        chain = scene.send()
        scene.answer("push", State.FAILED)
        scene.sweep()
        [sms] = scene.answer("sms")
        push = scene.step(chain, "push")
        scene.report(sms, Kind.DELIVERED)
        with pytest.raises(Conflict, match=r"The chain has already succeeded by sms\."):
            scene.actions.retry(scene.project, push, "key x")

    def test_what_nobody_has_succeeded_with_may_be_sent_again_by_hand(self, scene: Scene) -> None:
        chain = scene.send()
        for channel in ("push", "sms"):
            scene.answer(channel, State.FAILED)
            scene.sweep()
        assert scene.state(chain) == "exhausted"
        scene.actions.retry(scene.project, scene.step(chain, "push"), "key x")
        [push] = scene.answer("push")
        scene.report(push, Kind.DELIVERED)
        scene.sweep()
        assert scene.state(chain) == "succeeded"

    def test_what_a_person_says_of_a_doubt_counts(self, scene: Scene) -> None:
        chain = scene.send(until="sent", fallback_after="1h")
        [push] = scene.answer("push", State.UNKNOWN, held=True)
        scene.sweep()
        Held(scene.database).decide(scene.project, Decision.SENT, Ids((push.id,)), "key x")
        scene.sweep()
        assert scene.state(chain) == "succeeded"

    def test_and_so_does_that_it_was_not_sent(self, scene: Scene) -> None:
        chain = scene.send(fallback_after="1h")
        [push] = scene.answer("push", State.UNKNOWN, held=True)
        Held(scene.database).decide(scene.project, Decision.FAILED, Ids((push.id,)), "key x")
        assert scene.sweep() == 1
        assert scene.states(chain)["sms"] == "queued"


class TestRaces:
    def test_none_starts_after_a_success_was_committed(self, scene: Scene) -> None:
        """Eight threads start second steps while one commits what makes the first ones a success, and one looks on.

        They keep step: whoever starts is a few before or after the report of his own chain, as chance has it.
        """
        count, ahead = 80, 4
        sent = [scene.send(fallback_after="1m") for _ in range(count)]
        pushes = {item.notification_id: item for item in scene.answer("push")}
        while scene.sweep(2 * MINUTE):
            pass
        claimed = {item.chain_id: item for item in scene.claim("sms.normal")}
        assert len(claimed) == count
        first = {chain: pushes[scene.step(chain, "push")] for chain in sent}
        order = sorted(range(count), key=lambda number: number + random.uniform(-ahead, ahead))
        turns: queue.SimpleQueue[int] = queue.SimpleQueue()
        committed: set[Any] = set()
        passed: list[tuple[Any, bool]] = []
        stopped: list[Any] = []

        def report() -> None:
            for number, chain in enumerate(sent):
                turns.put(order[number])
                scene.report(first[chain], Kind.DELIVERED)
                committed.add(chain)
            for _ in range(8):
                turns.put(-1)

        def start() -> None:
            while (number := turns.get()) >= 0:
                chain = sent[number]
                known = chain in committed
                if scene.start([claimed[chain]]):
                    passed.append((chain, known))
                else:
                    stopped.append(chain)

        def look() -> None:
            while len(committed) < count:
                scene.sweep()

        with ThreadPoolExecutor(10) as pool:
            asked = [pool.submit(report), pool.submit(look), *(pool.submit(start) for _ in range(8))]
            for one in asked:
                one.result()
        scene.sweep()
        print(f"of {count} {len(passed)} started, before the success was committed, and {len(stopped)} did not")
        assert [chain for chain, known in passed if known] == []
        assert len(passed) + len(stopped) == count
        assert passed, "nobody was early: it shows nothing"
        assert stopped, "nobody was late: it shows nothing"
        assert {scene.state(chain) for chain in sent} == {"succeeded"}
        states = Counter(row.state for row in scene.rows("SELECT state FROM deliveries WHERE queue = 'sms.normal'"))
        assert states == Counter(started=len(passed), cancelled=len(stopped))

    def test_two_relays_take_three_hundred_on_once_each(self, scene: Scene, database_url: str) -> None:
        count = 300
        for _ in range(count):
            scene.send()
        while scene.answer("push", State.FAILED):
            pass
        other = Database(database_url)
        desks = [scene.desk, ChainDesk(Chains.of(other), scene.rung, batch=30)]
        began = time.monotonic()
        with ThreadPoolExecutor(2) as pool:
            swept = list(pool.map(lambda desk: desk.sweep(), desks))
        print(f"{count} chains by two relays in {time.monotonic() - began:.2f} s: {swept}")
        while scene.sweep():
            pass
        other.close()
        second = "SELECT count(*) AS n, count(DISTINCT chain_id) AS chains FROM notifications WHERE channel = 'sms'"
        [row] = scene.rows(second)
        assert (row.n, row.chains) == (count, count)
        assert scene.rows("SELECT FROM chain_news") == []

    def test_a_cancellation_and_a_step_that_begins_do_not_pass_each_other(self, scene: Scene) -> None:
        sent = [scene.send() for _ in range(30)]
        scene.answer("push", State.FAILED)
        with ThreadPoolExecutor(4) as pool:
            sweeps = [pool.submit(scene.sweep) for _ in range(2)]
            gone = list(pool.map(lambda one: scene.actions.cancel(scene.project, one, "key x"), sent))
            for one in sweeps:
                one.result()
        assert gone == [1] * 30
        scene.sweep()
        assert {scene.state(one) for one in sent} == {"cancelled"}
        assert scene.answer("sms") == []


class TestCrashes:
    @pytest.mark.parametrize("step", ["_moves", "_write", "stop"])
    def test_a_relay_that_is_killed_anywhere_has_done_nothing(self, scene: Scene, database_url: str, step: str) -> None:
        """In a process of its own, killed where it stands: before it decides, before it writes, before it commits."""
        chain = scene.send(fallback_after="1m")
        [push] = scene.answer("push", State.SENT if step == "stop" else State.FAILED)
        if step == "stop":
            scene.sweep(2 * MINUTE)
            scene.report(push, Kind.DELIVERED)
        died = subprocess.run(
            [sys.executable, "-c", KILLED, database_url, step], cwd=ROOT, capture_output=True, text=True, check=False,
            timeout=60,
        )  # fmt: skip
        assert died.returncode == -signal.SIGKILL, died.stderr
        assert scene.state(chain) == "active"
        assert len(scene.rows("SELECT FROM chain_news")) >= 1
        poll(lambda: scene.sweep() == 1 if step != "stop" else bool(scene.sweep() or scene.state(chain) == "succeeded"))
        assert len(scene.rows("SELECT FROM notifications")) == 2
        assert scene.states(chain)["sms"] == ("cancelled" if step == "stop" else "queued")
        assert scene.sweep() == 0

    def test_a_mistake_of_ours_holds_up_no_other_chain_and_is_made_up_for(
        self, scene: Scene, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        good, bad = scene.send(), scene.send()
        scene.answer("push", State.FAILED)
        judge = chains._judge

        def broken(row: Any, *rest: Any) -> Any:
            if row.id == bad:
                raise ZeroDivisionError
            return judge(row, *rest)

        with monkeypatch.context() as patch:
            patch.setattr(chains, "_judge", broken)
            assert scene.sweep() == 1
            assert scene.sweep() == 0
        assert (scene.states(good)["sms"], scene.states(bad)["sms"]) == ("queued", "waiting")
        assert scene.sweep() == 0, "not every second"
        assert scene.sweep(2 * MINUTE) == 1

    def test_news_of_a_chain_that_was_removed_are_removed(self, scene: Scene) -> None:
        scene.send()
        scene.rows("DELETE FROM chains RETURNING 1")
        scene.answer("push", State.FAILED)
        scene.sweep()
        assert scene.rows("SELECT FROM chain_news") == []


KILLED = """
import os, signal, sys
from shared.ledger import chains
from shared.ledger.database import Database

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

if sys.argv[2] == "stop":
    chains.stop = die
elif sys.argv[2] == "_write":
    write = chains.Chains._write
    chains.Chains._write = lambda *given: (write(*given), die())
else:
    chains.Chains._moves = die
chains.Chains.of(Database(sys.argv[1])).advance()
"""


def poll(met: Any) -> None:
    """The server may need a moment to notice that a client has died, and let go of its locks."""
    until = time.monotonic() + 10
    while not met():
        assert time.monotonic() < until
        time.sleep(0.05)
