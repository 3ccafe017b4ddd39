"""The gate asks what people want, and whether they are to be left in peace: before every call, retries included."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from shared.ledger.categories import Categories, Category
from shared.ledger.conservation import Conservation
from shared.ledger.ids import derived_id
from shared.ledger.preferences import Preferences
from shared.ledger.quiet_hours import QuietHours, Window
from shared.ledger.recipients import Recipients
from shared.ledger.states import State
from shared.ledger.suppressions import Suppressions
from shared.ledger.work import Settlement, Starting

QUEUE, LEASE, NUMBER = "sms.normal", 30.0, "+447700900123"
ADA = {"user_id": "ada", "phone": NUMBER}
END_LEASES = text("UPDATE deliveries SET lease_until = now() - interval '1 second' WHERE lease_until IS NOT NULL")


@pytest.fixture
def preferences(database):
    return Preferences(database)


@pytest.fixture
def accept(acceptance, drafts, project_id):
    """Accept one to Ada; its delivery's id."""

    def accept(**changes):
        [draft] = drafts(1, **{"recipient": ADA, "category": "news"} | changes)
        acceptance.accept(project_id, [draft])
        return derived_id(draft.id, 0)

    return accept


@pytest.fixture
def how(database):
    """State and reason of a delivery."""

    def how(identifier):
        asked = text("SELECT state, reason FROM deliveries WHERE id = :id")
        return tuple(database.rows(asked, {"id": identifier})[0])

    return how


@pytest.fixture
def be_quiet(database, project_id):
    """Quiet hours of the project from an hour ago until `hours` from now, by the database's clock, in UTC."""

    def be_quiet(hours=1, channels=("sms", "whatsapp", "push")):
        [(now,)] = database.rows(text("SELECT now()"))
        now = now.astimezone(UTC)
        around = (now - timedelta(hours=1)).time(), (now + timedelta(hours=hours)).replace(second=0, microsecond=0)
        QuietHours(database).set(project_id, Window(around[0], around[1].time(), "UTC", list(channels)))
        return around[1]

    return be_quiet


def take(work, queue=QUEUE):
    """Claim what is due; the ids that pass the gate."""
    return work.start([Starting(item, "test") for item in work.claim(queue, 100, LEASE)])


def attempts(database):
    return [row.n for row in database.rows(text("SELECT attempts AS n FROM deliveries"))]


@pytest.mark.parametrize(
    ("said", "category", "channel", "goes"),
    [
        ({}, "news", "sms", True),
        ({("news", "sms"): False}, "news", "sms", False),
        ({("news", "sms"): False}, "news", "email", True),
        ({("news", "sms"): False}, "bookings", "sms", True),
        ({("news", "sms"): False}, None, "sms", True),
        ({("news", ""): False}, "news", "email", False),
        ({("news", ""): False, ("news", "email"): True}, "news", "email", True),
        ({("", "sms"): False}, "news", "sms", False),
        ({("", "sms"): False}, None, "sms", False),
        ({("", "sms"): False, ("news", ""): True}, "news", "sms", True),
        ({("", ""): False}, None, "email", False),
        ({("", ""): False, ("", "email"): True}, "news", "email", True),
        ({("", ""): False}, "security", "sms", True),
        ({("security", "sms"): False}, "security", "sms", True),
    ],
)
def test_what_says_most_decides(
    accept, preferences, database, project_id, work, how, said, category, channel, goes
):  # fmt: skip
    """At acceptance, at the gate, and in what is told of it: all three say the same."""
    Categories(database).put(project_id, Category("security", "Security", required=True))
    for name in ("news", "bookings"):
        Categories(database).put(project_id, Category(name, name))
    to = {"recipient": {**ADA, "email": "ada@example.com"}, "category": category, "channel": channel}
    content = {"subject": "x", "text": "y"} if channel == "email" else {"body": "x"}
    before = accept(**to, content=content)
    preferences.set(project_id, "ada", said, source="test")
    passed = take(work, f"{channel}.normal")
    after = accept(**to, content=content)
    assert (before in passed, how(after)[0] == "queued") == (goes, goes)
    if not goes:
        assert how(before) == how(after)
        assert how(before)[1].startswith("The recipient does not want ")
    told = {(one.category, one.channel): one.wanted for one in preferences.holding(project_id, "ada")}
    assert told[category, channel] == goes
    assert attempts(database) == [0, 0]


def test_the_reason_names_what_was_said(accept, preferences, project_id, how):
    for said, reason in (
        (("news", "sms"), "The recipient does not want news by sms."),
        (("news", ""), "The recipient does not want news."),
        (("", "sms"), "The recipient does not want messages by sms."),
        (("", ""), "The recipient does not want messages."),
    ):
        preferences.set(project_id, "ada", {said: False}, source="test", replace=True)
        assert how(accept()) == ("suppressed", reason)


def test_a_code_goes_whatever_was_said(accept, preferences, project_id, work, be_quiet):
    be_quiet()
    preferences.set(project_id, "ada", {("", ""): False}, source="test")
    code = accept(kind="code", category=None)
    assert take(work) == {code}


def test_nobody_else_is_meant(accept, preferences, project_id, work):
    preferences.set(project_id, "ada", {("", ""): False}, source="test")
    others = {accept(recipient={"phone": NUMBER}), accept(recipient={"user_id": "eve", "phone": NUMBER})}
    assert take(work) == others


def test_an_address_that_does_not_want_a_category(accept, database, project_id, work, how):
    """Whoever it belongs to, and unless the category is required."""
    suppressions = Suppressions(database)
    waiting, other = accept(recipient={"phone": NUMBER}), accept(recipient={"phone": NUMBER}, category="bookings")
    suppressions.add(project_id, "sms", NUMBER, scope="category:news", reason="opt-out", source="link")
    assert how(accept(recipient={"phone": NUMBER})) == ("suppressed", "The recipient does not want news.")
    assert take(work) == {other}
    assert how(waiting) == ("suppressed", "The recipient does not want news.")
    Categories(database).put(project_id, Category("news", "News", required=True))
    assert how(accept())[0] == "queued"


def test_promotions_of_no_category(accept, database, project_id, how):
    Suppressions(database).add(project_id, "sms", NUMBER, scope="category:", reason="opt-out", source="link")
    assert how(accept(kind="promotion", category=None)) == ("suppressed", "The recipient does not want promotions.")
    assert how(accept(kind="promotion"))[0] == how(accept(category=None))[0] == "queued"


def test_a_change_between_two_tries_is_heard(accept, preferences, database, project_id, work, how):
    identifier = accept()
    [item] = work.claim(QUEUE, 1, LEASE)
    assert work.start([Starting(item, "test")])
    work.settle([Settlement(item.id, item.fence, State.QUEUED, "unavailable", "test", counts=True)])
    preferences.set(project_id, "ada", {("news", "sms"): False}, source="test")
    assert take(work) == frozenset()
    assert how(identifier) == ("suppressed", "The recipient does not want news by sms.")
    assert attempts(database) == [1], "the try before"


def test_a_change_after_a_worker_died_is_heard(accept, preferences, database, project_id, work, recovery, how):
    identifier = accept()
    work.claim(QUEUE, 1, LEASE)
    database.execute(END_LEASES)
    recovery.reap(patience=0)
    preferences.set(project_id, "ada", {("news", "sms"): False}, source="test")
    assert take(work) == frozenset()
    assert how(identifier)[0] == "suppressed"


def test_what_is_in_doubt_and_not_wanted_any_more_is_held(
    accept, preferences, database, project_id, work, recovery, how
):
    identifier = accept()
    take(work)
    database.execute(END_LEASES)
    recovery.reap(patience=0)
    preferences.set(project_id, "ada", {("news", "sms"): False}, source="test")
    assert take(work) == frozenset()
    assert how(identifier)[0] == "unknown" and "is suppressed" in how(identifier)[1]
    [row] = database.rows(text("SELECT held_at, due_at FROM deliveries"))
    assert row.held_at is not None and row.due_at is None


def test_none_passes_the_gate_once_the_change_was_answered(
    acceptance, drafts, preferences, database, project_id, work
):  # fmt: skip
    """Many workers, and a person who changes their mind again and again."""
    for user in range(20):
        one = drafts(100, recipient={"user_id": f"u{user}", "phone": NUMBER}, category="news")
        acceptance.accept(project_id, one)
    answered: dict[str, bool] = {}
    passed: list[str] = []
    done = threading.Event()

    def drain(_):
        while not done.is_set() or database.rows(text("SELECT FROM deliveries WHERE due_at IS NOT NULL LIMIT 1")):
            claimed = work.claim(QUEUE, 13, LEASE)
            refused = set(answered)
            started = work.start([Starting(item, "test") for item in claimed])
            passed.extend(
                item.recipient["user_id"]
                for item in claimed
                if item.id in started and item.recipient["user_id"] in refused
            )
            work.settle([Settlement(i.id, i.fence, State.SENT, "sent", "test") for i in claimed if i.id in started])

    with ThreadPoolExecutor(9) as pool:
        workers = [pool.submit(drain, number) for number in range(8)]
        for user in range(20):
            preferences.set(project_id, f"u{user}", {("news", ""): False}, source="test")
            answered[f"u{user}"] = True
        done.set()
        for worker in workers:
            worker.result()
    assert passed == []
    states = {row.state for row in database.rows(text("SELECT DISTINCT state FROM deliveries"))}
    assert states <= {"sent", "suppressed"} and "suppressed" in states
    assert all(account.is_even for account in Conservation(database).everything())


def test_quiet_hours_put_off_and_say_until_when(accept, database, work, how, be_quiet):
    identifier = accept()
    until = be_quiet()
    assert take(work) == frozenset()
    assert how(identifier) == ("scheduled", f"Quiet hours until {until:%H:%M} (UTC).")
    [row] = database.rows(text("SELECT due_at, attempts, lease_until, settled_at, fence FROM deliveries"))
    assert tuple(row) == (until, 0, None, None, 1)
    assert work.claim(QUEUE, 1, LEASE) == []
    [event] = database.rows(text("SELECT what, detail FROM actions"))
    assert tuple(event) == ("deferred", f"Quiet hours until {until:%H:%M} (UTC).")
    assert all(account.is_even for account in Conservation(database).everything())
    database.execute(text("UPDATE deliveries SET due_at = now()"))
    database.execute(text("DELETE FROM quiet_hours"))
    assert take(work) == {identifier}


def test_what_is_urgent_or_makes_no_noise_goes(accept, work, be_quiet):
    be_quiet()
    critical = accept(lane="critical")
    mail = {"channel": "email", "targets": ("ada@example.com",), "content": {"subject": "x", "text": "y"}}
    assert take(work, "sms.critical") == {critical}
    noiseless = accept(**mail)
    assert take(work, "email.normal") == {noiseless}


def test_the_recipients_own_hours_and_zone_come_first(accept, database, project_id, work, how, be_quiet):
    be_quiet()
    recipients = Recipients(database)
    [(now,)] = database.rows(text("SELECT now()"))
    off = {"quiet_from": "00:00", "quiet_until": "00:00"}
    recipients.put(project_id, "ada", off)
    assert take(work) == frozenset()
    goes = accept()
    assert take(work) == {goes}, "none of their own"
    database.execute(text("DELETE FROM quiet_hours"))
    tokyo = now + timedelta(hours=9)
    own = {"quiet_from": f"{tokyo - timedelta(hours=1):%H:%M}", "quiet_until": f"{tokyo + timedelta(hours=1):%H:%M}"}
    recipients.put(project_id, "ada", {**own, "timezone": "Asia/Tokyo"})
    waits, elsewhere = accept(), accept(recipient={**ADA, "timezone": "UTC"})
    assert take(work) == {elsewhere}
    assert how(waits) == ("scheduled", f"Quiet hours until {own['quiet_until']} (Asia/Tokyo).")


def test_what_would_be_worthless_by_then_ends_now(accept, work, how, be_quiet, database):
    until = be_quiet()
    soon = accept(expires_at=until - timedelta(minutes=1))
    later = accept(expires_at=until + timedelta(minutes=1))
    assert take(work) == frozenset()
    why = f"Quiet hours until {until:%H:%M} (UTC)."
    assert how(soon) == ("expired", f"It would expire before it may be sent: {why}")
    assert how(later) == ("scheduled", why)
    assert attempts(database) == [0, 0]


def test_doubt_waits_as_doubt(accept, database, work, recovery, how, be_quiet):
    identifier = accept()
    take(work)
    database.execute(END_LEASES)
    recovery.reap(patience=0)
    until = be_quiet()
    assert take(work) == frozenset()
    assert how(identifier) == ("unknown", f"Quiet hours until {until:%H:%M} (UTC).")
    [row] = database.rows(text("SELECT due_at, held_at, doubt FROM deliveries"))
    assert tuple(row) == (until, None, True)


def test_the_head_of_a_line_that_waits_holds_its_line(accept, database, work, how, be_quiet, recovery):
    from shared.ledger import order

    first, second = accept(ordering_key="k"), accept(ordering_key="k")
    be_quiet()
    assert take(work) == frozenset()
    order.sweep(database)
    assert work.claim(QUEUE, 10, LEASE) == []
    assert how(second) == ("scheduled", "It waits for its turn: its ordering key.")
    database.execute(text("DELETE FROM quiet_hours"))
    database.execute(text("UPDATE deliveries SET due_at = now() WHERE due_at IS NOT NULL"))
    [item] = work.claim(QUEUE, 10, LEASE)
    assert item.id == first and work.start([Starting(item, "test")])
    work.settle([Settlement(item.id, item.fence, State.SENT, "sent", "test")])
    assert take(work) == {second}


def test_what_waits_can_be_cancelled_and_expires(accept, database, project_id, work, how, be_quiet, recovery):
    from shared.ledger.actions import Actions

    until = be_quiet()
    cancelled, expires = accept(), accept(expires_at=until + timedelta(seconds=1))
    take(work)
    [row] = database.rows(text("SELECT notification_id FROM deliveries WHERE id = :id"), {"id": cancelled})
    Actions(database).cancel(project_id, row.notification_id, who="test")
    database.execute(text("UPDATE deliveries SET expires_at = now() WHERE expires_at IS NOT NULL"))
    assert recovery.expire() == 1
    assert (how(cancelled)[0], how(expires)[0]) == ("cancelled", "expired")


def test_where_nobody_has_hours_none_are_looked_up(accept, database, work):
    """A user without a row, in a project without hours, beside one that has them."""
    from shared.ledger.keys import Keys

    other = Keys(database).project("other")
    now = datetime.now(UTC)
    window = (now - timedelta(hours=1)).time(), (now + timedelta(hours=1)).time()
    QuietHours(database).set(other, Window(*window, "UTC", ["sms"]))
    mine = {accept(), accept(recipient={"phone": NUMBER})}
    assert take(work) == mine


def test_who_wants_no_promotions_gets_no_category_that_promotes(accept, database, project_id, work, how):
    """Whatever kind a message says it is of."""
    Categories(database).put(project_id, Category("news", "News", promotional=True))
    before = accept()
    Suppressions(database).add(project_id, "sms", NUMBER, scope="promotions", reason="opt-out", source="test")
    assert before not in take(work)
    assert {how(before)[0], how(accept())[0]} == {"suppressed"}
    assert how(accept(category="bookings"))[0] == "queued"


def test_what_is_put_off_has_not_used_up_the_limits_of_sms(accept, be_quiet, database, work, project_id):
    be_quiet()
    identifier = accept()
    database.execute(
        text("INSERT INTO sms_usage (delivery_id, project_id, number) VALUES (:id, :project_id, :number)"),
        {"id": identifier, "project_id": project_id, "number": NUMBER},
    )
    assert take(work) == frozenset()
    assert database.rows(text("SELECT FROM sms_usage")) == []


def test_patience_with_a_provider_begins_when_quiet_hours_end(accept, be_quiet, database, work):
    be_quiet()
    accept()
    take(work)
    database.execute(
        text("""
            UPDATE deliveries SET due_at = now(), put_off_until = now() - interval '1 minute'
            WHERE due_at IS NOT NULL
        """)
    )
    database.execute(text("UPDATE notifications SET accepted_at = now() - interval '3 days'"))
    [item] = work.claim(QUEUE, 100, LEASE)
    assert 0 < item.age < 3600
