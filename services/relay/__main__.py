"""`python -m services.relay`: tick until told to stop."""

import signal
import sys
import threading

import structlog
from prometheus_client import start_http_server

from services.relay import build
from shared.errors import SettingsError
from shared.runtime import process_runtime

runtime = process_runtime()
if runtime.settings.metrics_port:
    start_http_server(runtime.settings.metrics_port)
try:
    clock = build(runtime)
except SettingsError as error:
    sys.exit(str(error))
stopping = threading.Event()
for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, lambda *_: stopping.set())
clock.start()
structlog.get_logger(__name__).info("relay started")
stopping.wait()
clock.stop()
runtime.bells.flush(2.0)
