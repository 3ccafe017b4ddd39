"""One JSON object a line, from our own code and from every library alike."""

import atexit
import logging
import sys
from datetime import UTC, datetime
from typing import Any

import orjson
import structlog

from shared.telemetry.lines import Lines
from shared.telemetry.redaction import redact

_NOISY = {
    "aiohttp.access": logging.WARNING,
    "alembic": logging.WARNING,
    "apscheduler": logging.WARNING,
    "pika": logging.CRITICAL,
    "twilio": logging.WARNING,
}

_lines: Lines | None = None
_name: dict[str, str] = {}


def configure_logging(*, level: str = "INFO", form: str = "json", service: str = "") -> None:
    """Send every log record of this process to stderr, redacted, with what is bound to its context (correlation ids).

    Parameters:
        form: `json` for machines, `console` for people.
        service: the process's name, added to each line.
    """

    def name(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        return {"service": service, **event} if service else event

    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        name,
        redact,
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    global _lines, _name
    _lines, _name = (Lines(2), {"service": service} if service else {}) if form == "json" else (None, {})
    if _lines:
        atexit.register(_lines.flush)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for logger, least in _NOISY.items():
        logging.getLogger(logger).setLevel(least)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def log_often(logger: str, event: str, **fields: Any) -> None:
    """Log at level INFO what is logged for every request, at a tenth of the usual cost.

    It is not redacted: no field may say anything about people. The line may follow one that was logged after it.
    """
    if _lines is None:
        structlog.get_logger(logger).info(event, **fields)
    elif logging.getLogger(logger).isEnabledFor(logging.INFO):
        bound = structlog.contextvars.get_contextvars()
        line = {**_name, **fields, "event": event, **bound, "level": "info", "logger": logger}
        _lines.add(orjson.dumps(line | {"timestamp": datetime.now(UTC)}, option=orjson.OPT_UTC_Z))
