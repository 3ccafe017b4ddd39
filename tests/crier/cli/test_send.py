"""`crier send`, `show`, `list`, `cancel` and `retry`, against a real gateway and workers."""

import json
import re
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.crier.cli.conftest import Client
from tests.e2e.conftest import System

BOOKING = ["--data", "what=Dinner", "--data", "reference=A-1", "--data", "starts_at=2027-03-14T19:30:00Z"]


def send(typed: Client, *arguments: str) -> str:
    return str(typed.json("send", *arguments)["id"])


def test_it_says_what_was_accepted_and_what_to_type_next(typed: Client):
    sent = typed.run("send", "booking_confirmation", "--to", "Ada Byron <ada@example.com>", *BOOKING)
    assert sent.returncode == 0, sent.stderr
    identifier = re.search(r"Accepted: ([0-9a-f-]{36})  queued  email\.normal", sent.stdout)
    assert identifier, sent.stdout
    assert f"crier show {identifier[1]}" in sent.stdout
    shown = typed.run("show", identifier[1])
    assert shown.returncode == 0
    for part in (
        identifier[1],
        "Ada Byron <ada@example.com>",
        "booking_confirmation@1",
        "accepted",
        '"reference": "A-1"',
    ):
        assert part in shown.stdout


def test_waiting_follows_it_to_its_end(typed: Client):
    sent = typed.run("send", "--to", "grace@example.com", "--subject", "Hi", "--text", "There you are", "--wait")
    assert sent.returncode == 0, sent.stderr
    assert re.search(r"accepted.*attempt +smtp sent: 250.*sent", sent.stdout, re.DOTALL)


def test_waiting_for_what_is_refused_ends_with_1_and_the_reason(typed: Client):
    refused = typed.run("send", "--to", "+15005550001", "--body", "Hello", "--wait")
    assert refused.returncode == 1
    assert re.search(r"attempt +twilio rejected 21211: .*failed", refused.stdout, re.DOTALL)


@pytest.mark.parametrize(
    ("to", "content", "channel"),
    [
        ("ada@example.com", ["--subject", "Hi", "--text", "x"], "email"),
        ("+44 7700 900201", ["--body", "x"], "sms"),
        ("token:abc", ["--title", "Hi", "--body", "x"], "push"),
        ("topic:line-12", ["--title", "Hi", "--body", "x"], "push"),
    ],
)
def test_the_channel_follows_from_whom_it_goes_to(typed: Client, to: str, content: list[str], channel: str):
    assert typed.json("send", "--to", to, *content)["channel"] == channel


def test_a_number_can_be_written_to_by_whatsapp(typed: Client):
    for said in (["booking_confirmation", *BOOKING], ["--body", "Hello"]):
        sent = typed.json("send", *said, "--channel", "whatsapp", "--to", "+447700900203")
        assert (sent["channel"], sent["lane"]) == ("whatsapp", "normal")


def test_where_two_channels_reach_someone_one_must_be_chosen(typed: Client):
    both = ["send", "--to", "ada@example.com", "--to", "+447700900202", "--subject", "Hi", "--text", "x"]
    unclear = typed.run(*both)
    assert unclear.returncode == 2
    assert "by email and sms: say which with --channel" in unclear.stderr
    assert typed.json(*both, "--channel", "email")["channel"] == "email"


def test_data_is_what_the_template_declares(typed: Client, tmp_path: Path):
    """A code of digits stays text, as many guests are a number; files are laid under what is typed."""
    file = tmp_path / "booking.json"
    file.write_text(json.dumps({"what": "Lunch", "reference": "from the file", "guests": 2}))
    typed_data = ["reference=4711", "starts_at=2027-03-14T19:30:00Z", "total=40.00 GBP", 'place={"Lume"}', "guests=4"]
    options = [part for one in (f"@{file}", *typed_data) for part in ("--data", one)]
    shown = typed.json("show", send(typed, "booking_confirmation", "--to", "ada@example.com", *options))
    assert shown["data"] == {
        "what": "Lunch", "reference": "4711", "starts_at": "2027-03-14T19:30:00Z", "guests": 4, "place": '{"Lume"}',
        "total": {"amount": "40.00", "currency": "GBP"},
    }  # fmt: skip


def test_durations_are_counted_from_now(typed: Client):
    identifier = send(typed, "--to", "+447700900203", "--body", "x", "--send-at", "1h", "--expires-in", "2h")
    shown = typed.json("show", identifier)
    now = datetime.now(UTC)
    assert timedelta(minutes=55) < datetime.fromisoformat(shown["send_at"]) - now < timedelta(minutes=65)
    assert timedelta(minutes=115) < datetime.fromisoformat(shown["expires_at"]) - now < timedelta(minutes=125)
    assert typed.run("cancel", identifier).stdout == "Cancelled: 1 delivery.\n"
    again = typed.run("cancel", identifier)
    assert (again.returncode, again.stdout) == (1, "")
    assert again.stderr.startswith("Error: It is too late to cancel")


def test_a_promotion_by_mail_has_a_way_out(typed: Client):
    promotion = ["send", "--to", "ada@example.com", "--subject", "Sale", "--text", "Today", "--kind", "promotion"]
    refused = typed.run(*promotion)
    assert refused.returncode == 1
    assert "A promotion by mail needs to.unsubscribe_url" in " ".join(refused.stderr.split())
    sent = typed.json(*promotion, "--unsubscribe-url", "https://example.com/unsubscribe/1")
    assert sent["lane"] == "bulk"
    assert typed.json("show", sent["id"])["kind"] == "promotion"


def test_the_same_key_is_the_same_notification(typed: Client):
    command = ["send", "--to", "+447700900204", "--body", "x", "--idempotency-key", "order-4711"]
    first, second = typed.json(*command), typed.json(*command)
    assert first["id"] == second["id"]
    assert "Accepted by an earlier call under this key" in typed.run(*command).stdout


def test_a_file_goes_along(typed: Client, tmp_path: Path, served: System):
    file = tmp_path / "menu.txt"
    file.write_text("Soup")
    content = ["--subject", "Menu", "--text", "It is attached.", "--attach", str(file)]
    sent = typed.run("send", "--to", "menu@example.com", *content, "--wait")
    assert sent.returncode == 0, sent.stdout
    [call] = served.sandbox.calls("smtp", recipient="menu@example.com")
    [attachment] = served.sandbox.preview(call).attachments
    assert (attachment.filename, attachment.content_type, attachment.content) == ("menu.txt", "text/plain", b"Soup")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["welcome"], 2, "Missing option '--to'"),
        (["--to", "ada@example.com"], 2, "Name a TEMPLATE, or give content"),
        (["welcome", "--to", "ada@example.com", "--text", "x"], 2, "Name a TEMPLATE, or give content"),
        (
            ["welcome", "--to", "ada"],
            2,
            "write ada@example.com, +442079460018, user:u_1, token:…, topic:line-12, chat:ops or endpoint:ID",
        ),
        (["welcome", "--to", "a@example.com", "--to", "b@example.com"], 2, "a notification goes to one person"),
        (["welcome", "--to", "ada@example.com", "--data", "name"], 2, "--data: write name=value, not 'name'"),
        (["welcome", "--to", "ada@example.com", "--data", "@nothing.json"], 2, "nothing.json cannot be read"),
        (["welcome", "--to", "ada@example.com", "--expires-in", "soon"], 2, "'soon' is no duration such as 90s"),
        (["welcome", "--to", "ada@example.com", "--send-at", "soon"], 2, "'soon' is no moment such as"),
        (["welcom", "--to", "ada@example.com"], 1, "Did you mean welcome?"),
        (
            ["welcome", "--to", "ada@example.com"],
            1,
            "data.action_url: `action_url` (where the button leads) is missing",
        ),
        (["welcome", "--to", "ada@", "--data", "action_url=https://example.com"], 1, "to.email: Not a valid e-mail"),
        (["one_time_code", "--to", "+447700900205", "--data", "code=1"], 1, "expires_at: A one-time code needs"),
    ],
)
def test_mistakes_are_named_with_their_remedy(typed: Client, arguments: list[str], code: int, said: str):
    refused = typed.run("send", *arguments)
    assert (refused.returncode, refused.stdout) == (code, "")
    assert said in " ".join(refused.stderr.split())
    assert "Traceback" not in refused.stderr


def test_what_failed_can_be_retried(typed: Client, served: System):
    served.sandbox.behave("twilio", recipient="+447700900206", error="21408", times=1)
    refused = typed.run("send", "--to", "+447700900206", "--body", "Hello", "--wait", "--json")
    assert refused.returncode == 1
    identifier = json.loads(refused.stdout)["id"]
    assert typed.run("retry", identifier).returncode == 0
    served.wait_until(lambda: typed.json("show", identifier)["state"] == "sent", "it is sent the second time")
    events = [event["what"] for event in typed.json("show", identifier)["timeline"]]
    assert events == ["accepted", "attempt", "retried", "attempt", "sent"]


def test_lists_are_filtered_and_bounded(typed: Client):
    made = [send(typed, "--to", "list@example.com", "--subject", str(n), "--text", "x") for n in range(3)]
    listed = [one["id"] for one in typed.json("list", "--to", "list@EXAMPLE.com")]
    assert listed == made[::-1]
    shown = typed.run("list", "--to", "list@example.com", "--limit", "2")
    assert made[2] in shown.stdout
    assert made[0] not in shown.stdout
    assert "There are more" in shown.stdout
    assert "There are none like that." in typed.run("list", "--to", "nobody@example.com").stdout
    assert typed.json("list", "--before", "1d") == []


def test_what_people_put_into_a_name_does_not_reach_the_terminal_as_commands(typed: Client):
    identifier = send(typed, "--to", "esc@example.com", "--name", "[bold]\x1b[2J", "--subject", "x", "--text", "y")
    for command in (["show", identifier], ["list", "--to", "esc@example.com"]):
        shown = typed.run(*command).stdout
        assert "\x1b" not in shown
        assert "[bold]\N{REPLACEMENT CHARACTER}[2J" in shown


@pytest.mark.parametrize("verb", ["show", "cancel", "retry"])
def test_what_is_no_id_is_told_before_anything_is_asked(typed: Client, verb: str):
    refused = typed.run(verb, "nope")
    assert refused.returncode == 2
    assert "'nope' is not a valid UUID" in refused.stderr


def test_interrupting_the_waiting_leaves_the_notification_alone(typed: Client):
    to = ["--to", "later@example.com", "--subject", "x", "--text", "y", "--send-at", "1h", "--wait"]
    with typed.spawn("send", *to) as waiting:
        assert waiting.stdout is not None
        shown = []
        for line in waiting.stdout:
            shown.append(line)
            if "scheduled  " in line and "For " in line:
                break
        waiting.send_signal(signal.SIGINT)
        shown.append(waiting.stdout.read())
        assert waiting.wait(timeout=20) == 130, shown
    identifier = re.search(r"To look again: crier show ([0-9a-f-]{36})", "".join(shown))
    assert identifier, shown
    assert typed.json("show", identifier[1])["state"] == "scheduled"


def test_without_a_gateway_it_is_told_what_to_do(typed: Client, tmp_path: Path):
    gone = typed.run("list", CRIER_URL="http://127.0.0.1:1")
    assert (gone.returncode, gone.stdout) == (1, "")
    assert "cannot be reached: connection refused. `crier status` says whether it runs" in gone.stderr
    unknown: dict[str, Any] = {"CRIER_URL": "", "CRIER_API_KEY": "", "CRIER_HOME": str(tmp_path)}
    nowhere = typed.run("list", **unknown)
    assert (nowhere.returncode, nowhere.stdout) == (1, "")
    assert "No gateway is known: start one on this machine with `crier up`" in nowhere.stderr
