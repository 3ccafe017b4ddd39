"""A code that goes by a chain is readable nowhere, and wiped when nothing needs it any more; what is old is removed."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from services.cleanup.pace import Pace
from services.cleanup.policies import leftovers, secrets
from shared.ledger.database import Database
from shared.ledger.states import State
from shared.receipts.port import Kind
from tests.services.relay.chain_scene import MINUTE, Scene

CODE = "GHJKLM"


@pytest.fixture
def scene(database: Database) -> Scene:
    made = Scene(database)
    made.catalogue()
    return made


def send_code(scene: Scene) -> UUID:
    return scene.send(
        "sms", "email", content=None, template="one_time_code", data={"code": CODE, "purpose": "sign in"},
        expires_at=(datetime.now(UTC) + timedelta(minutes=5)).isoformat(), fallback_after="1m",
    )  # fmt: skip


def secrets_of(scene: Scene) -> tuple[int, int]:
    """How many chains, and how many notifications, keep something sealed."""
    [row] = scene.rows(
        "SELECT (SELECT count(*) FROM chains WHERE ciphertext IS NOT NULL OR key_id IS NOT NULL) AS chains,"
        " (SELECT count(*) FROM sealed) AS notifications"
    )
    return row.chains, row.notifications


class TestCodes:
    def test_every_step_has_the_code_and_no_table_has_it_readable(self, scene: Scene) -> None:
        chain = send_code(scene)
        assert secrets_of(scene) == (1, 1)
        assert CODE not in scene.dump()
        [sms] = scene.answer("sms", State.FAILED, lane="critical")
        assert sms.sealed
        assert scene.sealer.open(sms.sealed) == {"code": CODE}
        scene.sweep()
        assert secrets_of(scene) == (0, 1), "the last step has its own"
        [mail] = scene.claim("email.critical")
        assert mail.sealed
        assert scene.sealer.open(mail.sealed) == {"code": CODE}
        assert CODE not in scene.dump()
        assert scene.rung.queues == ["email.critical"]
        assert scene.states(chain) == {"sms": "failed", "email": "claimed"}

    def test_it_is_wiped_when_the_chain_succeeds(self, scene: Scene) -> None:
        send_code(scene)
        [sms] = scene.answer("sms", lane="critical")
        assert secrets_of(scene) == (1, 0)
        scene.report(sms, Kind.DELIVERED)
        scene.sweep()
        assert secrets_of(scene) == (0, 0)

    def test_when_it_is_cancelled(self, scene: Scene) -> None:
        scene.actions.cancel(scene.project, send_code(scene), "key x")
        assert secrets_of(scene) == (0, 0)

    def test_when_it_has_expired(self, scene: Scene) -> None:
        chain = send_code(scene)
        scene.answer("sms", lane="critical")
        scene.sweep(6 * MINUTE)
        assert (scene.state(chain), secrets_of(scene)) == ("expired", (0, 0))

    def test_what_was_to_be_sent_is_not_kept_longer_either(self, scene: Scene) -> None:
        send_code(scene)
        [sms] = scene.answer("sms", lane="critical")
        scene.report(sms, Kind.DELIVERED)
        scene.sweep()
        assert scene.rows("SELECT FROM chain_steps WHERE draft IS NOT NULL") == []

    def test_cleanup_leaves_the_codes_of_chains_that_go_on(self, scene: Scene) -> None:
        send_code(scene)
        secrets.wipe_orphaned(scene.database, Pace(100, 0.0, 60.0))
        assert secrets_of(scene) == (1, 1)


class TestDevices:
    def test_a_push_that_comes_later_goes_to_the_devices_of_then(self, scene: Scene) -> None:
        for token in ("old", "older"):
            scene.devices.register(scene.project, "u_1", token, "ios")
        scene.send("sms", "push", to={"user_id": "u_1", "phone": "+447700900123"})
        scene.devices.drop(scene.project, "old")
        scene.devices.register(scene.project, "u_1", "new", "ios")
        scene.answer("sms", State.FAILED)
        scene.sweep()
        assert sorted(item.target for item in scene.answer("push")) == ["new", "older"]

    def test_also_where_there_were_none_before(self, scene: Scene) -> None:
        scene.send("sms", "push", to={"user_id": "u_1", "phone": "+447700900123"})
        scene.devices.register(scene.project, "u_1", "new", "ios")
        scene.answer("sms", State.FAILED)
        scene.sweep()
        assert [item.target for item in scene.answer("push")] == ["new"]

    def test_without_any_by_then_it_is_passed_over(self, scene: Scene) -> None:
        scene.devices.register(scene.project, "u_1", "old", "ios")
        to = {"user_id": "u_1", "phone": "+447700900123", "email": "ada@example.com"}
        chain, short = scene.send("sms", "push", "email", to=to), scene.send("sms", "push", to=to)
        scene.devices.drop(scene.project, "old")
        scene.answer("sms", State.FAILED)
        assert scene.sweep() == 1
        assert scene.states(chain) == {"sms": "failed", "push": "skipped", "email": "queued"}
        assert scene.whys(chain)["push"] == "push: u_1 has no registered devices."
        assert scene.state(short) == "exhausted"


class TestAge:
    def test_chains_go_with_their_notifications(self, scene: Scene) -> None:
        gone, goes_on = scene.send(until="sent"), scene.send("email", "sms", until="delivered")
        scene.answer("push")
        scene.sweep()
        scene.answer("email")
        old = "now() - interval '40 days'"
        for table, column in (("notifications", "accepted_at"), ("deliveries", "settled_at"), ("chains", "ended_at")):
            scene.rows(f"UPDATE {table} SET {column} = {old} WHERE {column} IS NOT NULL RETURNING 1")
        removed = sum(leftovers.batches(scene.database, datetime.now(UTC) - timedelta(days=30), 100))
        assert removed == 0, "the notification is still there"
        month = "DELETE FROM notifications WHERE chain_id = CAST(:chain AS uuid) RETURNING 1"
        scene.rows(month, chain=str(gone))
        assert sum(leftovers.batches(scene.database, datetime.now(UTC) - timedelta(days=30), 100)) == 1
        assert [row.id for row in scene.rows("SELECT id FROM chains")] == [goes_on]
        assert {row.chain_id for row in scene.rows("SELECT chain_id FROM chain_steps")} == {goes_on}

    def test_one_whose_notifications_were_removed_while_it_waited_comes_to_an_end(self, scene: Scene) -> None:
        chain = scene.send(fallback_after="1m")
        scene.answer("push")
        for table in ("notifications", "deliveries"):
            scene.rows(f"DELETE FROM {table} RETURNING 1")
        scene.sweep(2 * MINUTE)
        assert scene.states(chain) == {"push": "removed", "sms": "queued"}
