"""Ends with 0 when the service of this container answers: Docker asks every few seconds.

The gateway, and what shows browsers their inboxes, are asked whether they are alive. Every other service answers on the
port of its metrics.
"""

import os
import sys
from http.client import HTTPConnection, HTTPException

SECONDS = 3
ASKED = {"gateway": ("CRIER_GATEWAY_PORT", "8025"), "inbox": ("CRIER_INAPP_PORT", "8026")}


def main() -> None:
    """Ends the process, with the reason when nobody answers."""
    asked = ASKED.get(os.environ["SERVICE"])
    port = os.environ.get(*asked) if asked else os.environ["CRIER_METRICS_PORT"]
    connection = HTTPConnection("127.0.0.1", int(port), timeout=SECONDS)
    try:
        connection.request("GET", "/healthz" if asked else "/metrics")
        status = connection.getresponse().status
    except (OSError, HTTPException) as error:
        sys.exit(f"Nobody answers on port {port}: {error}")
    if status != 200:
        sys.exit(f"Port {port} answered {status}.")


if __name__ == "__main__":
    main()
