"""The child process of stranger.py: reads an order, limits itself, renders, answers. Not for calling otherwise."""

import json
import resource
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shared.errors import InvalidInput, TemplateError
from shared.messages.content import dump_content
from shared.templates import inline, pdf  # noqa: F401  (loaded before the limits are set, not on their account)
from shared.templates.brand import Brand
from shared.templates.bundle import Bundle
from shared.templates.compiled import compile_bundle


def limit(cpu_seconds: float, memory_bytes: int, answer_bytes: int) -> None:
    """Bind this process from here on. The kernel ends it: no handler of Python's has to get a turn."""
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, cpu_seconds)
    used = resource.getrusage(resource.RUSAGE_SELF)
    _lower(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime + cpu_seconds) + 1)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    _lower(resource.RLIMIT_AS, pages * resource.getpagesize() + memory_bytes)
    _lower(resource.RLIMIT_FSIZE, answer_bytes + 1)
    _lower(resource.RLIMIT_CORE, 0)


def _lower(which: int, value: int) -> None:
    resource.setrlimit(which, (value, value))


def answer(order: Mapping[str, Any]) -> dict[str, Any]:
    """What the order asks for, or what was wrong."""
    try:
        template = compile_bundle(Bundle.from_json(order["bundle"]))
        data = template.sample if order["data"] is None else template.check(order["data"])
        brand = Brand(**order["brand"])
        rendered = {c: template.render(c, data, order["recipient"], brand) for c in template.channels}
        for locale in template.locales if order["every_locale"] else ():
            for channel in template.channels:
                template.render(channel, data, {**order["recipient"], "locale": locale}, brand)
    except TemplateError as error:
        return {"error": error.reason, "file": error.file, "line": error.line}
    except MemoryError:
        return {"error": "The template was stopped: it used too much memory.", "file": None, "line": None}
    except InvalidInput as error:
        return {"fields": error.fields}
    return {"content": {channel: dump_content(channel, content) for channel, content in rendered.items()}}


def main() -> None:
    """One order, one answer."""
    order = json.load(sys.stdin)
    limit(order["cpu_seconds"], order["memory_bytes"], order["answer_bytes"])
    json.dump(answer(order), sys.stdout)


if __name__ == "__main__":
    main()
