"""The measurement of cleanup beside a writer comes to its end, and finds nothing wrong."""

import subprocess
import sys
from pathlib import Path


def test_a_small_table_is_cleaned_and_comes_back_row_for_row():
    done = subprocess.run(
        [sys.executable, "-m", "bench.live_cleanup", "--rows", "10000", "--alone", "2"],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False, timeout=170,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    lines = {line.split("│")[1].strip(): line.split("│")[2:4] for line in done.stdout.splitlines() if "│" in line}
    assert [cell.strip() for cell in lines["its errors"]] == ["0", "0"]
    assert [cell.strip() for cell in lines["live rows that are gone"]] == ["0", "0"]
    assert [cell.strip() for cell in lines["not as they were"]] == ["–", "0"]
