"""The demo from its beginning to its end: asking, waiting until all of it has ended, and the account."""

import time
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import UUID

from rich.console import Console

from crier.answers import BulkReceipt, RowError
from crier.cli.progress import followed, uploading
from crier.cli.timeline import ENDED
from crier.demo.arrived import Arrived, arrived
from crier.demo.asked import Asked, Finding, Seen
from crier.demo.files import UPLOADS, Row, Upload, good_rows, on_the_envelope, wrong_rows
from crier.demo.reconcile import reconcile
from crier.demo.rendering import Rendering
from crier.demo.rich import by_weight
from crier.demo.routes import PREFERRED
from crier.demo.scenarios import ONCE_ENDED, SCENARIOS, a_code, every_template
from crier.demo.scenes import AFTERWARDS, ALONE, SCENES, play
from crier.demo.secrecy import Search, search_dump, search_files
from crier.demo.singles import Singles
from crier.demo.stage import Stage
from crier.demo.wrong import BOUNCING
from crier.errors import WaitTimeout
from crier.local.cluster import Step
from crier.sandbox import Entry
from shared.ledger.ids import derived_id

PATIENCE, LEAST = 180.0, 15.0
"""Seconds in which everything must have ended, and those that each part has even if an earlier one took all of them."""


@dataclass
class Outcome:
    """What came of it.

    Parameters:
        receipts, refused: what was answered to each file, and its refused rows.
        states: how each delivery ended.
        arrived: what the calls had in them that were compared, by their sequence.
        seen: what was seen of each promise.
        findings: everything that is not as it should be; none when all is well.
    """

    asked: list[Asked] = field(default_factory=list)
    receipts: dict[str, BulkReceipt] = field(default_factory=dict)
    refused: dict[str, list[RowError]] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    calls: list[Entry] = field(default_factory=list)
    arrived: dict[int, Arrived] = field(default_factory=dict)
    searches: list[Search] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)


class Demo:
    """One run on a stage.

    Parameters:
        step: told what is being done.
    """

    def __init__(self, stage: Stage, console: Console, step: Step) -> None:
        self._stage = stage
        self._client = stage.client
        self._console = console
        self._step = step
        self._deadline = 0.0
        self._rendering = Rendering()
        self._singles = Singles(stage, self._rendering)
        self._outcome = Outcome(asked=self._singles.asked)

    def run(self) -> Outcome:
        """Send everything, wait, and account for it."""
        self._deadline = time.monotonic() + PATIENCE
        outcome, singles = self._outcome, self._singles
        with self._step("A one-time code that waits, and a dump of the database meanwhile"):
            a_code(singles)
            self._look_while_it_waits(singles)
        for upload in UPLOADS:
            self._upload(upload)
        with self._step("Single sends in every way there is; order, lost answers, dead letters, receipts, webhooks, …"):
            for scenario in SCENARIOS:
                scenario(singles)
            play(singles, [scene(singles) for scene in (*SCENES, by_weight, every_template)], self._left())
        self._wait()
        with self._step("Failover: the preferred providers of mail and SMS are down, and come back"):
            play(singles, [scene(singles) for scene in ALONE], self._left())
        with self._step("Waiting for the last receipts and webhooks"):
            for scene in AFTERWARDS:
                play(singles, [scene(singles)], self._left())
        with self._step("Comparing with what the stand-ins received, call by call"):
            singles.look_again()
            outcome.states = singles.states
            outcome.calls = list(self._stage.sandbox.calls())
            outcome.findings += singles.findings + reconcile(outcome.asked, outcome.calls, outcome.states, self._read)
        with self._step("Looking for one-time codes where none may be"):
            dump, _ = search_dump(self._stage.database_url, singles.secrets, "a dump of the database, afterwards")
            files = search_files(self._stage.home.root, singles.secrets, "every file of the cluster: tables, logs, …")
            outcome.searches += [dump, files]
        for search in outcome.searches:
            outcome.findings += search.findings()
        outcome.seen = singles.seen
        return outcome

    def _left(self) -> float:
        return max(LEAST, self._deadline - time.monotonic())

    def _read(self, entry: Entry) -> Arrived:
        found = self._outcome.arrived[entry.sequence] = arrived(entry)
        return found

    def _look_while_it_waits(self, singles: Singles) -> None:
        waiting = singles.asked[-1]
        search, dump = search_dump(self._stage.database_url, singles.secrets, "a dump of the database, while one waits")
        self._outcome.searches.append(search)
        singles.promise(waiting.notification.encode() in dump, waiting.what, "it is not in the dump of the database")
        state = self._client.get(waiting.notification)["state"]
        singles.promise(state == "scheduled", waiting.what, f"it was {state} when the dump was made")

    def _upload(self, upload: Upload) -> None:
        with uploading(upload.path.name, self._console) as progress:
            receipt = self._client.bulk(
                upload.path, channel=upload.channel, template=upload.template, data=upload.shared or None,
                progress=progress,
            )  # fmt: skip
        batch = UUID(receipt["batch_id"])
        refused = list(self._client.batch_errors(str(batch)))
        self._outcome.receipts[upload.name], self._outcome.refused[upload.name] = receipt, refused
        rows = [self._asked(upload, batch, row) for row in good_rows(upload)]
        self._singles.asked += rows
        wrong, found = wrong_rows(upload), {(error["row"], error["field"]) for error in refused}
        for row, name in sorted(wrong ^ found):
            told = "was not refused" if (row, name) in wrong else "was refused, and is right"
            self._outcome.findings.append(Finding("rows", f"{upload.name}, row {row}", f"{name} {told}"))
        if receipt["accepted"] != len(rows):
            told = f"{receipt['accepted']} rows were accepted instead of {len(rows)}"
            self._outcome.findings.append(Finding("rows", upload.name, told))

    def _asked(self, upload: Upload, batch: UUID, row: Row) -> Asked:
        notification = derived_id(batch, row.line)
        refused = row.to.get("email") in BOUNCING
        is_mail = upload.channel == "email"
        return Asked(
            group=upload.name,
            what=f"{upload.name}, row {row.line}",
            notification=str(notification),
            delivery=str(derived_id(notification, 0)),
            channel=upload.channel,
            vendors=PREFERRED[upload.channel],
            target=on_the_envelope(row.to["email"]) if is_mail else row.to["phone"],
            content=None if refused else self._rendering.content(upload.template, upload.channel, row.data, row.to),
            name=row.to.get("name") if is_mail else None,
            state="failed" if refused else "sent",
            refused=int(refused),
        )

    def _wait(self) -> None:
        """Until everything that was asked for so far has ended; what has not is found missing later."""
        singles = self._singles
        for receipt in self._outcome.receipts.values():
            with suppress(WaitTimeout):
                followed(self._client, receipt["batch_id"], self._console, patience=self._left())
            for one in self._client.list(batch_id=receipt["batch_id"]):
                singles.states[str(derived_id(UUID(one["id"]), 0))] = one["state"]
        with self._step("Waiting for what was scheduled or is tried again"):
            left = {one.notification for one in singles.asked if singles.states.get(one.delivery) not in ENDED}
            play(singles, [singles.ended(sorted(left))], self._left())
            for scenario in ONCE_ENDED:
                scenario(singles)
