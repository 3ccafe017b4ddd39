"""Ends with 0 when the service of this container answers: Docker asks every few seconds.

The gateway is asked whether it is alive. Every other service answers on the port of its metrics.
"""

import os
import sys
from http.client import HTTPConnection, HTTPException

SECONDS = 3


def main() -> None:
    """Ends the process, with the reason when nobody answers."""
    is_gateway = os.environ["SERVICE"] == "gateway"
    port = os.environ.get("CRIER_GATEWAY_PORT", "8025") if is_gateway else os.environ["CRIER_METRICS_PORT"]
    connection = HTTPConnection("127.0.0.1", int(port), timeout=SECONDS)
    try:
        connection.request("GET", "/healthz" if is_gateway else "/metrics")
        status = connection.getresponse().status
    except (OSError, HTTPException) as error:
        sys.exit(f"Nobody answers on port {port}: {error}")
    if status != 200:
        sys.exit(f"Port {port} answered {status}.")


if __name__ == "__main__":
    main()
