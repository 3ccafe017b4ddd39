"""The calendar: every periodic job of Crier. The scheduler sends its ticks; the relay makes up for missed ones."""

from shared.periodic.job import Job, Missed

ONCE, SKIP = Missed.ONCE, Missed.SKIP

# fmt: off
CALENDAR: tuple[Job, ...] = (
    # name             cron, in UTC  actor                           queue      missed limit, s
    Job("partitions",  "30 0 * * *", "cleanup.add_partitions",       "cleanup", ONCE,  300, "The coming months."),
    Job("retention",   "15 3 * * *", "cleanup.remove_notifications", "cleanup", ONCE, 1800, "Old notifications."),
    Job("outbox",      "30 3 * * *", "cleanup.empty_outbox",         "cleanup", ONCE,  300, "What the outbox kept."),
    Job("inbox",       "40 3 * * *", "cleanup.empty_inboxes",        "cleanup", ONCE, 1800, "What inboxes kept."),
    Job("ticks",       "45 3 * * *", "cleanup.forget_ticks",         "cleanup", ONCE,  300, "Old runs of these jobs."),
    Job("idempotency", "5 * * * *",  "cleanup.forget_keys",          "cleanup", SKIP,  300, "Old idempotency keys."),
    Job("secrets",     "35 * * * *", "cleanup.wipe_secrets",         "cleanup", ONCE,  300, "Codes nothing needs."),
    Job("sms_usage",   "50 * * * *", "cleanup.forget_sms_usage",     "cleanup", ONCE,  300, "What limits no SMS now."),
    Job("contacts",    "10 * * * *", "cleanup.forget_contacts",      "cleanup", ONCE,  300, "What no cap counts now."),
    Job("letters",     "20 * * * *", "cleanup.forget_dead_letters",  "cleanup", ONCE,  300, "Old dead letters."),
    Job("policies",    "*/5 * * * *", "cleanup.run_policies",        "cleanup", SKIP, 1500, "Policies of your own."),
    Job("receipts",    "0 4 * * *",  "cleanup.forget_receipts",      "cleanup", ONCE,  300, "What was reported once."),
    Job("events",      "10 4 * * *", "cleanup.forget_events",        "cleanup", ONCE,  300, "Events of long ago."),
    Job("schedules",   "25 4 * * *", "cleanup.forget_schedules",     "cleanup", ONCE,  300, "Old times of schedules."),
)
# fmt: on


def job_named(name: str) -> Job:
    """The calendar's job of that name. Raises KeyError when there is none."""
    return {job.name: job for job in CALENDAR}[name]
