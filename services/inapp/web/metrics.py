"""What is measured of browsers' inboxes. Labels are closed sets; never people."""

from prometheus_client import Counter, Gauge, Histogram

STREAMS = Gauge("crier_inbox_streams", "Streams that are open.")
EVENTS = Counter("crier_inbox_events_total", "Events sent on streams.", ["event"])
ENDED = Counter("crier_inbox_streams_ended_total", "Streams by why they ended.", ["why"])
REFUSED = Counter("crier_inbox_streams_refused_total", "Streams that were one too many.", ["limit"])
WAKE_UPS = Counter("crier_inbox_wake_ups_total", "Inboxes that were looked at again, by who said so.", ["by"])
REQUESTS = Counter("crier_inbox_requests_total", "Requests of browsers.", ["method", "route", "status"])
REQUEST_SECONDS = Histogram(
    "crier_inbox_request_seconds", "Time a browser's request took; not of streams.", ["method", "route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)  # fmt: skip
