"""The parts of the demo that wait go on side by side, and one that does not come to its end is told."""

from typing import cast

from crier.demo.rendering import Rendering
from crier.demo.scenes import play
from crier.demo.singles import BUSY, WAITING, Script, Singles
from crier.demo.stage import Stage
from shared.errors import InvalidInput


def singles() -> Singles:
    """An account of sends, for parts that send nothing."""
    return Singles(cast(Stage, None), cast(Rendering, None))


def test_scripts_take_turns():
    seen: list[str] = []

    def script(name: str) -> Script:
        for step in range(2):
            seen.append(f"{name}{step}")
            yield BUSY
        seen.append(f"{name} ends")

    play(singles(), [script("a"), script("b")], patience=10)
    assert seen == ["a0", "b0", "a1", "b1", "a ends", "b ends"]


def test_a_part_that_never_ends_breaks_its_promise():
    def forever() -> Script:
        while True:
            yield WAITING

    send = singles()
    play(send, [forever()], patience=0.01)
    [finding] = send.findings
    assert (finding.kind, finding.what) == ("promise", "forever")
    assert "has not come to its end" in finding.detail


def test_a_part_that_the_gateway_refuses_breaks_its_promise_and_no_other():
    def refused() -> Script:
        yield BUSY
        raise InvalidInput({"to": ["Nobody."]})

    def fine() -> Script:
        yield BUSY
        yield BUSY
        send.tell("fine", "all of it")

    send = singles()
    play(send, [refused(), fine()], patience=10)
    assert [finding.what for finding in send.findings] == ["refused"]
    assert [(seen.promise, seen.kept) for seen in send.seen] == [("fine", True)]


def test_what_was_seen_of_a_broken_promise_is_told_as_such():
    send = singles()
    send.promise(True, "kept", "never told")
    send.promise(False, "order", "2 came before 1")
    send.tell("kept", "well")
    send.tell("order", "20 mails")
    assert [(seen.promise, seen.kept) for seen in send.seen] == [("kept", True), ("order", False)]
    assert [str(finding) for finding in send.findings] == ["promise: order: 2 came before 1"]
