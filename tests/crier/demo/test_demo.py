"""`crier demo` from its beginning to its end, as people run it."""

import os
import re
import subprocess
from pathlib import Path

import psutil
import pytest

from crier.sandbox import read
from tests.crier.cli.conftest import SCRIPT


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_everything_is_delivered_and_accounted_for(tmp_path: Path):
    out = tmp_path / "demo"
    # What belongs to a real installation must play no part: nobody listens there.
    theirs = {
        "CRIER_URL": "http://127.0.0.1:1", "CRIER_API_KEY": "crier_of_another", "CRIER_HOME": str(tmp_path / "home"),
        "CRIER_DATABASE_URL": "postgresql://127.0.0.1:1/x", "SMTP_HOST": "127.0.0.1", "TWILIO_ACCOUNT_SID": "AC0",
    }  # fmt: skip
    done = subprocess.run(
        [SCRIPT, "demo", "--out", str(out)],
        env={**os.environ, **theirs}, capture_output=True, text=True, check=False, timeout=540,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All is as it should be" in done.stdout
    assert re.search(r"recipients\.csv +27 +973 .* 3 *$", done.stdout, re.MULTILINE)
    assert "✗" not in done.stdout
    mails = [entry for entry in read(out / "journal.ndjson", vendor="smtp") if entry.accepted]
    assert len(list((out / "mails").glob("*.eml"))) == len(mails) > 900
    assert "All is as it should be" in (out / "report.html").read_text()
    assert not (tmp_path / "home").exists()
    assert [process.pid for process in psutil.process_iter() if _is_of(process, out)] == []


def _is_of(process: psutil.Process, out: Path) -> bool:
    """Whether a process was started by the demo that wrote to `out`."""
    try:
        return str(out) in process.environ().get("SMTP_CA_FILE", "")
    except psutil.Error:
        return False


def test_a_folder_with_something_in_it_is_not_written_to(tmp_path: Path):
    (tmp_path / "mine.txt").touch()
    refused = subprocess.run(
        [SCRIPT, "demo", "--out", str(tmp_path)], capture_output=True, text=True, check=False, timeout=60
    )
    assert refused.returncode == 2
    assert "is not empty; name a new folder" in refused.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
