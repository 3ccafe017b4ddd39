"""`crier bulk` against a real gateway and workers."""

import csv
import json
import re
import signal
import socket
from pathlib import Path

import pytest

from tests.crier.cli.conftest import Client

HEADER = "email,name,what,reference,starts_at"
GOOD = "{}@example.com,Ada,Dinner,A-1,2027-03-14T19:30:00+00:00"
BOOKING = ["--template", "booking_confirmation", "--channel", "email"]


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """Ten rows."""
    return written(tmp_path / "good.csv", [GOOD.format(f"good{n}") for n in range(10)])


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """Three good rows and thirty bad ones."""
    good, bad = [GOOD.format(f"mixed{n}") for n in range(3)], ["nobody,Ada,Dinner,A-1,tomorrow"] * 30
    return written(tmp_path / "mixed.csv", good + bad)


def written(path: Path, rows: list[str]) -> Path:
    path.write_text("\n".join([HEADER, *rows]))
    return path


def test_everybody_in_a_file_is_sent_to(typed: Client, good: Path):
    sent = typed.run("bulk", str(good), *BOOKING)
    assert sent.returncode == 0, sent.stderr
    assert re.search(r"10  rows accepted\s+0  rows refused\s+10  sent", sent.stdout)


def test_refused_rows_are_named_and_the_rest_can_be_had(typed: Client, mixed: Path, tmp_path: Path):
    sent = typed.run("bulk", str(mixed), *BOOKING)
    assert sent.returncode == 1
    assert re.search(r"3  rows accepted\s+30  rows refused\s+3  sent", sent.stdout)
    assert re.search(r"5  data\.starts_at +`starts_at` must be a time with its offset", sent.stdout)
    assert re.search(r"5  to\.email +Not a valid e-mail address", sent.stdout)
    assert len(re.findall(r"^ *\d+  (?:to|data)\.", sent.stdout, re.MULTILINE)) == 20
    more = re.search(r"There are more: crier (bulk --batch [0-9a-f-]+ --errors refused\.csv)", sent.stdout)
    assert more
    *arguments, _ = more[1].split()
    assert typed.run(*arguments, str(tmp_path / "refused.csv")).returncode == 1
    refused = list(csv.DictReader((tmp_path / "refused.csv").read_text().splitlines()))
    assert {row["row"] for row in refused} == {str(number) for number in range(5, 35)}
    assert len(refused) == 60


def test_for_programs_it_is_the_batch(typed: Client, good: Path):
    batch = typed.json("bulk", str(good), *BOOKING)
    assert (batch["accepted"], batch["states"], batch["finished"]) == (10, {"sent": 10}, True)
    assert typed.json("bulk", "--batch", batch["id"]) == batch
    assert len(typed.json("list", "--batch", batch["id"])) == 10


def test_the_same_file_under_the_same_key_adds_nothing(typed: Client, good: Path):
    command = ["bulk", str(good), *BOOKING, "--idempotency-key", "guests-of-march"]
    first = typed.json(*command)
    again = typed.run(*command)
    assert again.returncode == 0
    assert "This file was accepted before under this key; nothing was added." in again.stdout
    assert first["id"] in again.stdout
    assert len(typed.json("list", "--batch", first["id"])) == 10


def test_one_template_of_one_channel_needs_no_channel(typed: Client, tmp_path: Path):
    path = tmp_path / "new.ndjson"
    path.write_text("\n".join(json.dumps({"to": {"email": f"new{n}@example.com"}}) for n in range(3)))
    shared = ["--data", "name=you", "--data", "action_url=https://example.com/start"]
    assert typed.json("bulk", str(path), "--template", "welcome", *shared)["states"] == {"sent": 3}


def test_what_is_for_later_is_not_waited_for(typed: Client, good: Path):
    later = typed.run("bulk", str(good), *BOOKING, "--send-at", "1h")
    assert later.returncode == 0
    assert re.search(r"10  scheduled", later.stdout)
    again = typed.run("bulk", "--batch", re.findall(r"Batch ([0-9a-f-]+)", later.stdout)[0])
    assert re.search(r"10  scheduled", again.stdout)


def test_content_of_ones_own_goes_to_everybody(typed: Client, tmp_path: Path):
    (tmp_path / "sms.json").write_text(json.dumps({"body": "Your table is ready."}))
    (tmp_path / "phones.csv").write_text("phone\n+447700900301\n+447700900302\n")
    content = ["--content", f"@{tmp_path / 'sms.json'}", "--channel", "sms"]
    assert typed.json("bulk", str(tmp_path / "phones.csv"), *content)["states"] == {"sent": 2}


def test_promotions_of_ones_own_say_so(typed: Client, tmp_path: Path):
    (tmp_path / "mail.json").write_text(json.dumps({"subject": "Sale", "text": "Today"}))
    (tmp_path / "people.csv").write_text("email,unsubscribe_url\nsale@example.com,https://example.com/u/1\n")
    sale = ["--content", f"@{tmp_path / 'mail.json'}", "--channel", "email", "--kind", "promotion"]
    batch = typed.json("bulk", str(tmp_path / "people.csv"), *sale)
    assert [one["kind"] for one in typed.json("list", "--batch", batch["id"])] == ["promotion"]


def test_in_a_terminal_bars_show_how_far_it_is(typed: Client, good: Path):
    shown = typed.on_screen("bulk", str(good), *BOOKING)
    assert "Uploading good.csv" in shown
    assert re.search(r"Delivering.*100%", shown, re.DOTALL)
    assert "10/10" in shown


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 2, "Give a FILE to send, or --batch"),
        (["good.csv", "--batch", "0198c0de-0000-7000-8000-000000000000"], 2, "Give a FILE to send, or --batch"),
        (["good.csv"], 2, "Say what is sent: --template, or --content"),
        (
            ["good.csv", "--template", "booking_confirmation"],
            2,
            "can be sent by email, sms, whatsapp, push, inapp: say",
        ),
        (["good.csv", "--template", "boking_confirmation"], 1, "Did you mean booking_confirmation?"),
        (["good.csv", "--template", "welcome"], 1, "line 1, column 3: Neither the recipient nor the template has what"),
        (
            ["good.csv", *BOOKING, "--errors", "no/such/folder.csv"],
            2,
            "'no/such/folder.csv': No such file or directory",
        ),
        (["good.txt", *BOOKING], 2, "good.txt: the name must end in .csv, .ndjson, .jsonl"),
        (["empty.csv", *BOOKING], 1, "The file must begin with a header"),
        (["--batch", "0198c0de-0000-7000-8000-000000000000"], 1, "There is no batch"),
    ],
)
def test_mistakes_are_named_with_their_remedy(
    typed: Client, good: Path, arguments: list[str], code: int, said: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(good.parent)
    good.with_suffix(".txt").write_bytes(good.read_bytes())
    good.with_name("empty.csv").touch()
    refused = typed.run("bulk", *arguments)
    assert (refused.returncode, refused.stdout) == (code, "")
    assert said in " ".join(refused.stderr.split())
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize("how", [signal.SIGINT, None], ids=["interrupted", "broken off"])
def test_an_upload_that_ends_early_says_how_to_complete_it(
    typed: Client, tmp_path: Path, how: signal.Signals | None
):  # fmt: skip
    path = written(tmp_path / "big.csv", [GOOD.format("big")] * 300_000)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        command = [
            "bulk",
            str(path),
            "--content",
            "@sms.json",
            "--channel",
            "sms",
            "--idempotency-key",
            "march",
            "--send-at",
            "2027-03-01T08:00Z",
        ]
        (tmp_path / "sms.json").write_text('{"body": "x"}')
        typed = Client(typed.home, deaf.getsockname()[1], "crier_x")
        command[3] = f"@{tmp_path / 'sms.json'}"
        with typed.spawn(*command) as uploading:
            assert uploading.stdout is not None
            connection, _ = deaf.accept()
            assert connection.recv(10).startswith(b"POST /v1/")
            if how is None:
                deaf.close()
                connection.close()
            else:
                uploading.send_signal(how)
            said = " ".join(uploading.stdout.read().split())
            assert uploading.wait(timeout=60) == (1 if how is None else 130)
        connection.close()
    assert (
        "type the same again with --idempotency-key march --send-at 2027-03-01T08:00Z: nothing is sent twice" in said
    ), url
    assert "Traceback" not in said
