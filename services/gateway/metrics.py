"""What the gateway counts."""

from prometheus_client import Counter, Histogram

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)

ACCEPTED = Counter("crier_accepted_total", "Notifications accepted.", ["channel", "lane", "how"])
REFUSED_ROWS = Counter("crier_refused_rows_total", "Rows of bulk requests and uploads that were refused.")
ACCEPT_SECONDS = Histogram("crier_accept_seconds", "Time to check and commit a request.", ["how"], buckets=_SECONDS)
REQUESTS = Counter("crier_http_requests_total", "Requests answered.", ["method", "route", "status"])
REQUEST_SECONDS = Histogram("crier_http_request_seconds", "Time to answer.", ["method", "route"], buckets=_SECONDS)
