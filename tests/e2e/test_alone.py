"""PostgreSQL, a broker and `dramatiq services.sms`, with nothing else of Crier installed, deliver what was accepted."""

import shutil
import sys
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]

# Forget the checkout, which an editable install puts on the path, then be Dramatiq's own command.
ONLY_WHAT_IS_HERE = """
import importlib.util, sys
sys.path[:] = [sys.argv[1]] + [e for e in sys.path if e not in ("", sys.argv[2]) and "__editable__" not in e]
sys.meta_path[:] = [finder for finder in sys.meta_path if "editable" not in repr(finder)]
sys.path_importer_cache.clear()
del sys.argv[1:3]
assert importlib.util.find_spec("crier") is None, importlib.util.find_spec("crier")
import services
assert importlib.util.find_spec("services.gateway") is None, list(services.__path__)
from dramatiq.cli import main
sys.exit(main())
"""


def test_a_channel_alone_delivers_what_a_python_call_accepted(system, tmp_path):
    alone = tmp_path / "alone"
    shutil.copytree(CHECKOUT / "shared", alone / "shared", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(CHECKOUT / "services" / "sms", alone / "services" / "sms")
    arguments = [str(alone), str(CHECKOUT), "services.sms", "--processes", "1", "--threads", "12"]
    environment = system.environment | {"PYTHONPATH": str(alone), "CRIER_TEMPLATES_PATH": str(alone)}
    system.run("sms", [sys.executable, "-c", ONLY_WHAT_IS_HERE, *arguments], alone, environment)
    numbers = system.send_sms(20)
    system.wait_until(lambda: system.states() == {"sent": 20}, "every SMS is sent")
    assert system.sent_to() == dict.fromkeys(numbers, 1)
