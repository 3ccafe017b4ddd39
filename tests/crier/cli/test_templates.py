"""`crier templates` and `crier keys`, against a real gateway and ledger."""

import json
import re
import shutil
from pathlib import Path

import pytest
from pypdf import PdfReader

from shared.crypto import Sealer
from shared.ledger.keys import Keys
from shared.templates.catalogue import templates_folder
from tests.crier.cli.conftest import Client
from tests.e2e.conftest import System


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped templates, to be changed."""
    return Path(shutil.copytree(templates_folder(), tmp_path / "templates"))


def test_templates_are_listed(typed: Client):
    listed = typed.run("templates", "list").stdout
    assert re.search(r"one_time_code@1 +code +email, sms +en ar de es fr pl +A code", listed)
    assert {one["name"] for one in typed.json("templates", "list")} >= {"welcome", "trip_delay"}


def test_one_is_shown_with_what_it_takes(typed: Client):
    shown = typed.run("templates", "show", "payment_receipt").stdout
    assert re.search(r"^receipt_number +string +required +the receipt's number", shown, re.MULTILINE)
    assert re.search(r"^items +list of object +required", shown, re.MULTILINE)
    assert re.search(r"^  amount +money +required", shown, re.MULTILINE)
    assert '"receipt_number": "2026-0317"' in shown
    assert "email.body.html" in typed.json("templates", "show", "payment_receipt")["files"]


def test_a_preview_shows_every_channel(typed: Client):
    shown = typed.run(
        "templates", "preview", "trip_delay", "--data", "delay_minutes=7", "--data", "trip=Coach 9"
    ).stdout
    assert "sms: 1 segment of GSM-7" in shown
    assert "Coach 9" in shown
    assert '"delay_minutes": "7"' in shown


def test_a_preview_is_in_the_language_asked_for(typed: Client):
    asked = ("--locale", "de-CH", "--data", "expires_in_minutes=1")
    shown = typed.run("templates", "preview", "one_time_code", *asked).stdout
    assert "ist Ihr Code von" in shown
    assert "1 Minute" in shown


def test_a_folder_with_languages_is_pushed_as_it_is(typed: Client, folder: Path):
    own = folder / "moin"
    (own / "nl").mkdir(parents=True)
    (own / "template.toml").write_text('description = "Hello."\nkind = "transactional"\n[sample]\n')
    (own / "sms.body.txt").write_text("Hello")
    (own / "nl" / "sms.body.txt").write_text("Hallo")
    assert typed.run("templates", "push", str(own)).stdout == "moin@1\n"
    assert "Hallo" in typed.run("templates", "preview", "moin", "--locale", "nl-BE").stdout
    assert typed.json("templates", "show", "moin")["locales"] == ["en", "nl"]
    (own / "nl" / "push.title.txt").write_text("x")
    refused = typed.run("templates", "push", str(own))
    assert f"{own}/nl/push.body.txt: The push form needs this file" in refused.stderr


def test_a_preview_shows_what_fills_the_approved_text_of_whatsapp(typed: Client):
    shown = typed.run("templates", "preview", "booking_confirmation").stdout
    assert "is confirmed: Dinner at Osteria Lume" in shown
    assert "{{2}}: Dinner at Osteria Lume" in shown


def test_a_preview_can_be_had_as_files(typed: Client, tmp_path: Path):
    out = tmp_path / "out"
    made = typed.run("templates", "preview", "payment_receipt", "--data", "receipt_number=R-7", "--out", str(out))
    assert made.returncode == 0, made.stderr
    assert sorted(path.name for path in out.iterdir()) == [
        "payment_receipt.email.html", "payment_receipt.email.txt", "payment_receipt.html",
        "payment_receipt.receipt-R-7.pdf",
    ]  # fmt: skip
    assert made.stdout.splitlines()[0] == str(out / "payment_receipt.html")
    assert "On a phone, in the dark" in (out / "payment_receipt.html").read_text()
    assert "R-7" in (out / "payment_receipt.email.html").read_text()
    assert (out / "payment_receipt.email.txt").read_text().startswith("Subject: Your receipt from")
    assert "R-7" in PdfReader(out / "payment_receipt.receipt-R-7.pdf").pages[0].extract_text()


def test_what_is_pushed_is_what_is_sent_next(typed: Client, folder: Path):
    own = folder / "hello"
    own.mkdir()
    (own / "template.toml").write_text('description = "Hello."\nkind = "transactional"\n[sample]\n')
    (own / "email.subject.txt").write_text("Hello")
    (own / "email.body.txt").write_text("Hello from {{ brand.name }}")
    (own / "email.body.html").write_text('{% extends "_layout/email.html" %}{% block content %}Hello{% endblock %}')
    assert typed.run("templates", "push", str(own)).stdout == "hello@1\n"
    assert typed.run("templates", "push", str(own)).stdout == "hello@1 (unchanged)\n"
    (folder / "_layout" / "email.css").write_text("p { color: #123456; }\n")
    assert typed.run("templates", "push", str(own)).stdout == "hello@2\n"
    assert "Hello from" in typed.run("templates", "preview", "hello").stdout


def test_every_shipped_template_is_unchanged(typed: Client, folder: Path):
    pushed = typed.run("templates", "push", *(str(path) for path in sorted(folder.iterdir())))
    assert pushed.returncode == 0, pushed.stderr
    assert {line.endswith(" (unchanged)") for line in pushed.stdout.splitlines()} == {True}


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("email.body.txt", "Hello\n\n{{ nobody }}\n", "welcome/email.body.txt:3: `nobody` is not a declared variable"),
        ("template.toml", "kind = \n", "welcome/template.toml:1: Not valid TOML"),
        ("email.body.md", "x", "welcome/email.body.md: No channel has such a file"),
        ("email.subject.txt", b"\xff", "welcome/email.subject.txt: This is not UTF-8 text"),
    ],
)
def test_mistakes_are_named_by_file_and_line(typed: Client, folder: Path, file: str, text: str | bytes, said: str):
    (folder / "welcome" / file).write_bytes(text.encode() if isinstance(text, str) else text)
    refused = typed.run("templates", "push", str(folder / "welcome"))
    assert (refused.returncode, refused.stdout) == (1, "")
    assert f"{folder}/{said}" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_folder_of_templates_is_no_template(typed: Client, folder: Path):
    refused = typed.run("templates", "push", str(folder))
    assert refused.returncode == 1
    assert f"push {folder}/activity, or {folder}/*/" in refused.stderr


def test_a_template_that_is_not_there_suggests_another(typed: Client):
    for verb in ("show", "preview"):
        refused = typed.run("templates", verb, "welcom")
        assert refused.returncode == 1
        assert refused.stderr == "Error: There is no template welcom. Did you mean welcome?\n"


class TestKeys:
    """`crier keys` works on the ledger itself."""

    @pytest.fixture
    def ledger(self, served: System) -> dict[str, str]:
        return {"CRIER_DATABASE_URL": served.environment["CRIER_DATABASE_URL"]}

    def test_one_is_made_used_and_ended(self, typed: Client, ledger: dict[str, str], served: System):
        made = typed.run("keys", "create", "--project", "shop", "--name", "till", "--scope", "read", **ledger)
        key = made.stdout.strip()
        assert "it is shown this once" in made.stderr
        found = Keys(served.runtime.database).check(key)
        assert found is not None
        assert (found.project, found.scopes) == ("shop", {"read"})
        assert typed.run("list", CRIER_API_KEY=key).stdout == "Nothing has been sent yet.\n"
        refused = typed.run("send", "--to", "+447700900401", "--body", "x", CRIER_API_KEY=key)
        assert "needs a key with the scope send; this one has read" in refused.stderr
        assert re.search(rf"{found.prefix} +shop +till +read", typed.run("keys", "list", **ledger).stdout)
        assert typed.run("keys", "revoke", key, **ledger).returncode == 0
        assert Keys(served.runtime.database).check(key) is None
        again = typed.run("keys", "revoke", found.prefix, **ledger)
        assert again.returncode == 1
        assert f"There is no live key with the prefix {found.prefix}" in again.stderr

    def test_keys_are_never_listed_themselves(self, typed: Client, ledger: dict[str, str], served: System):
        listed = typed.run("keys", "list", "--json", **ledger)
        assert served.key.split("_")[1] in {row["prefix"] for row in json.loads(listed.stdout)}
        assert served.key.split("_", 2)[2] not in listed.stdout

    def test_a_secret_is_one_that_seals(self, typed: Client):
        made = typed.run("keys", "secret").stdout.strip()
        sealer = Sealer(made)
        assert sealer.open(sealer.seal({"code": "1"})) == {"code": "1"}

    def test_without_a_ledger_the_remedy_is_told(self, typed: Client):
        refused = typed.run("keys", "list")
        assert refused.returncode == 1
        assert "no cluster is running in" in refused.stderr
        assert "CRIER_DATABASE_URL is not set" in refused.stderr

    @pytest.mark.parametrize("url", ["postgresql://u:pw@127.0.0.1:1/crier", "mysql://127.0.0.1/crier", "crier"])
    def test_a_ledger_that_does_not_answer_is_told(self, typed: Client, url: str):
        refused = typed.run("keys", "list", CRIER_DATABASE_URL=url)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert "The database of CRIER_DATABASE_URL" in refused.stderr
        assert "Traceback" not in refused.stderr
        assert "pw" not in refused.stderr

    def test_a_ledger_without_tables_is_told(self, typed: Client, empty_database_url: str):
        refused = typed.run("keys", "create", CRIER_DATABASE_URL=empty_database_url)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert "`python -m shared.setup` makes them so" in refused.stderr

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["create", "--project", " "], "--project: give it a name"),
            (["create", "--expires-in", "999999999d"], "is no duration such as"),
            (["create", "--scope", "everything"], "'everything' is not one of 'send', 'read', 'admin'"),
            (["revok", "x"], "Did you mean 'revoke'?"),
        ],
    )
    def test_mistakes_are_named(self, typed: Client, ledger: dict[str, str], arguments: list[str], said: str):
        refused = typed.run("keys", *arguments, **ledger)
        assert (refused.returncode, refused.stdout) == (2, "")
        assert said in " ".join(refused.stderr.split())
