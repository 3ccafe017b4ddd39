"""Prometheus metrics every service shares. Labels are closed sets: queues, providers, outcomes; never people."""

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)

MESSAGES = Counter("crier_messages_total", "Broker messages processed.", ["actor", "outcome"])
MESSAGE_SECONDS = Histogram("crier_message_seconds", "Time an actor took.", ["actor"], buckets=_SECONDS)
ATTEMPTS = Counter("crier_attempts_total", "Provider calls by outcome.", ["queue", "provider", "outcome"])
NOT_ADMITTED = Counter("crier_not_admitted_total", "Deliveries a limit kept from the provider.", ["queue", "code"])
CAPPED = Counter("crier_capped_total", "Deliveries over a frequency cap, dropped or put off.", ["queue", "over"])
CALL_SECONDS = Histogram(
    "crier_provider_call_seconds", "Time a provider took.", ["queue", "provider"], buckets=_SECONDS
)
WAIT_SECONDS = Histogram("crier_wait_seconds", "Acceptance to provider call.", ["queue"], buckets=_SECONDS)
BATCH_SIZE = Histogram(
    "crier_batch_size", "Deliveries claimed by a bell.", ["queue"], buckets=(1, 2, 5, 10, 25, 50, 100, 500)
)
RINGS = Counter("crier_rings_total", "Bells rung, or found to be enough.", ["queue", "outcome"])
LANE_DEPTH = Gauge("crier_lane_depth", "Deliveries due and not claimed (counted to 10,000 a stream).", ["queue"])
LANE_AGE = Gauge("crier_lane_oldest_age_seconds", "How long the first in line has been due.", ["queue"])
REAPED = Counter("crier_leases_reaped_total", "Leases of dead workers taken back.", ["queue", "state"])
EXPIRED = Counter("crier_expired_total", "Deliveries that expired while waiting.")
SCHEDULES = Counter("crier_schedules_total", "Times at which schedules were due, by what came of them.", ["state"])
SCHEDULE_LAG = Histogram("crier_schedule_lag_seconds", "How late schedules fired.", buckets=_SECONDS)
REMINDERS = Counter("crier_reminders_total", "Reminders and follow-ups of events, by what came of them.", ["state"])
REMINDER_LAG = Histogram("crier_reminder_lag_seconds", "How late reminders were sent.", buckets=_SECONDS)
MISSING = Gauge("crier_conservation_missing", "Deliveries accepted that are nowhere, or there without being accepted.")
DEAD_LETTERS = Gauge("crier_dead_letters", "Dead letters that nobody has replayed or purged yet.", ["kind", "why"])
HELD = Gauge("crier_held", "Deliveries of which nobody knows whether they were sent, and that wait for a person.")
AMISS = Gauge("crier_conservation_amiss", "Rows of the ledger that contradict themselves.")
CAMPAIGNS = Gauge("crier_campaigns", "Campaigns that have not ended.", ["state"])
BREAKER = Gauge(
    "crier_breaker_state",
    "0: it is called, 1: it asked for patience, 2: it fails and is probed.",
    ["channel", "provider"],
)
ALERTS = Counter("crier_alerts_total", "Answers somebody has to do something about.", ["provider", "kind"])
CHAIN_STEPS = Counter("crier_chain_steps_total", "Further steps of chains that began.", ["channel"])
CHAINS_ENDED = Counter("crier_chains_ended_total", "Chains by how they ended.", ["outcome"])
RECEIPTS = Counter("crier_receipts_total", "Receipts by what came of them.", ["provider", "kind", "outcome"])
RECEIPTS_DUE = Gauge("crier_receipts_due", "Receipts to be processed now (counted to 10,000).", ["provider"])
RECEIPTS_AGE = Gauge("crier_receipts_oldest_age_seconds", "How long the first of them has been due.", ["provider"])
