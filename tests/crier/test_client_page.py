"""docs/client.md: its examples are run in their order, against a real gateway, and type-checked."""

import ast
import inspect
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from crier import Client
from tests.e2e.conftest import System

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/client.md").read_text()
BLOCKS = re.findall(r"^```python\n(.+?)^```$", PAGE, re.MULTILINE | re.DOTALL)
ELSEWHERE = ("django", "fastapi")  # not among what Crier is developed with: compiled only


def is_ours(block: str) -> bool:
    return not any(f"from {name}" in block for name in ELSEWHERE)


@pytest.fixture
def here(served: System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the reader is: a folder with a file of guests, and the gateway in the environment."""
    shutil.copy(ROOT / "examples/guests.csv", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CRIER_URL", f"http://127.0.0.1:{served.gateway_port}")
    monkeypatch.setenv("CRIER_API_KEY", served.key)
    return tmp_path


@pytest.mark.usefixtures("here")
def test_the_examples_work_as_they_are_written(served: System, capsys: pytest.CaptureFixture[str]):
    names: dict[str, Any] = {"__name__": "page"}
    for block in filter(is_ours, BLOCKS):
        exec(compile(block, "docs/client.md", "exec"), names)
    said = capsys.readouterr().out
    assert f"{names['receipt']['id']} sent" in said
    assert names["batch"]["states"] == {"sent": 4}
    assert "line 4: to.email: Not a valid e-mail address" in said
    assert names["ended"]["state"] == "sent"
    assert "422 invalid-request\n" in said
    assert "to.email Not a valid e-mail address" in said
    assert names["client"].batch(names["reminder"]["batch_id"])["states"] == {"scheduled": 2500}

    browser = names["app"].test_client()
    first, again = (browser.post("/bookings/A-1/ready") for _ in range(2))
    assert (first.status_code, first.json) == (202, again.json)
    found = names["client"].wait(first.json["notification"])
    assert found["content"]["body"] == "Your table for booking A-1 is ready."
    assert served.sandbox.calls("twilio", recipient="+447700900123")


def test_every_example_is_python():
    assert len(BLOCKS) > len([*filter(is_ours, BLOCKS)]) > 1
    for block in BLOCKS:
        ast.parse(block)


def test_every_method_is_named():
    methods = {name for name, _ in inspect.getmembers(Client, inspect.isfunction) if not name.startswith("_")}
    assert methods <= set(re.findall(r"`(\w+)`", PAGE))


MISTAKES = """
from crier import Client

client = Client()
client.send(channel="sms", to={"phone": "+447700900123"}, content={"body": "x"}, lan="bulk")  # type: ignore[call-arg]
client.send(channel="sms", to={"phone": "+447700900123"}, content={"body": "x"}, lane="fast")  # type: ignore[arg-type]
client.send(channel="fax", to={"phone": "+447700900123"}, content={"body": "x"})  # type: ignore[arg-type]
client.send(channel="sms", to={"fone": "+447700900123"}, content={"body": "x"})  # type: ignore[typeddict-unknown-key]
client.bulk([{"data": {}}], channel="sms", template="x")  # type: ignore[typeddict-item]
client.bulk("guests.csv", channel="sms", template="x", form="xlsx")  # type: ignore[arg-type]
client.wait("x", until="read")  # type: ignore[arg-type]
client.set_identity({"email": {"form": "x@example.com"}})  # type: ignore[typeddict-unknown-key]
client.get("x")["stat"]  # type: ignore[typeddict-item]
"""


def test_types_take_the_examples_and_refuse_mistakes(tmp_path: Path):
    """An ignore that is not needed is an error of its own, so each of the mistakes is one."""
    (tmp_path / "page.py").write_text("\n".join(filter(is_ours, BLOCKS)))
    (tmp_path / "mistakes.py").write_text(MISTAKES)
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", "pyproject.toml", "--follow-imports", "silent",
         str(tmp_path / "page.py"), str(tmp_path / "mistakes.py")],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stdout + checked.stderr
