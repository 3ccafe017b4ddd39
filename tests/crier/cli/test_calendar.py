"""`crier calendar`, against a real gateway."""

from shared.calendar import CALENDAR
from tests.crier.cli.conftest import Client


def test_every_job_is_shown(typed: Client):
    jobs = typed.json("calendar")
    assert sorted(job["name"] for job in jobs) == sorted(job.name for job in CALENDAR)
    shown = typed.run("calendar").stdout.splitlines()
    assert shown[0].split() == ["JOB", "CRON", "NEXT", "LAST", "MISSED", "RESULT"]
    assert [line.split()[0] for line in shown[1:]] == [job["name"] for job in jobs]
    assert all(job.cron in "\n".join(shown) for job in CALENDAR)
