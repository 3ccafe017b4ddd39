"""A service of the product in a process that may be told to die, or to have the wrong time; then the service itself.

python -m chaos.hosted gateway
CRIER_CHAOS_SERVICE=sms dramatiq chaos.hosted
CRIER_CHAOS_SERVICE=scheduler periodiq chaos.hosted
"""

import os
import runpy
import sys
from importlib import import_module

from chaos import clock, failpoints

SERVICE = "CRIER_CHAOS_SERVICE"

clock.shift(os.environ)
failpoints.arm(os.environ)
if __name__ == "__main__":
    runpy.run_module(f"services.{sys.argv[1]}", run_name="__main__", alter_sys=True)
else:
    broker = import_module(f"services.{os.environ[SERVICE]}").broker
