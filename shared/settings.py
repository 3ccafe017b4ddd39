"""Settings: frozen dataclasses read from the environment at the entry point of a process.

    @dataclass(frozen=True)
    class SmtpSettings:
        host: str | None = setting("SMTP_HOST", "The mail server.", default=None)

    smtp, engine = load(SmtpSettings, EngineSettings)

Every problem is reported at once, by variable name. `docs/settings.md` is generated from these classes.
"""

import difflib
import os
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from itertools import pairwise
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints
from urllib.parse import urlsplit

from marshmallow import ValidationError
from marshmallow import fields as parsers

from shared.errors import SettingsError

T = TypeVar("T")
Check = Callable[[Any], str | None]

_PARSERS: dict[Any, parsers.Field[Any]] = {
    bool: parsers.Boolean(),
    int: parsers.Integer(),
    float: parsers.Float(),
    str: parsers.String(),
}


def setting(
    variable: str, meaning: str, *, default: Any = MISSING, secret: bool = False, check: Check | None = None
) -> Any:
    """Declare a dataclass field as a setting.

    Parameters:
        variable: the environment variable's name.
        meaning: one line for `docs/settings.md`, with the unit.
        default: absent means required.
        secret: never shown, not even its default.
        check: returns what is wrong with a value, or `None`.
    """
    metadata = {"variable": variable, "meaning": meaning, "secret": secret, "check": check}
    return field(default=default, repr=not secret, metadata=metadata)


def load(*classes: type[Any], environ: Mapping[str, str] | None = None) -> tuple[Any, ...]:
    """Build an instance of each class from the environment.

    Raises:
        SettingsError: naming every variable that is missing, malformed, misspelt or at odds with another.
    """
    environment = dict(os.environ if environ is None else environ)
    problems: list[str] = []
    made: list[Any] = []
    declared = [variable_of(f) for cls in classes for f in fields(cls)]
    for cls in classes:
        values, wrong = _read(cls, environment)
        problems += wrong
        if not wrong:
            instance = cls(**values)
            problems += getattr(instance, "problems", list)()
            made.append(instance)
    problems += _misspelt(environment, declared)
    if problems:
        raise SettingsError(problems)
    return tuple(made)


def load_one(cls: type[T], environ: Mapping[str, str] | None = None) -> T:
    """`load` for a single class."""
    return cast(T, load(cls, environ=environ)[0])


def variable_of(declared: Field[Any]) -> str:
    """The environment variable of a settings field."""
    return str(declared.metadata["variable"])


def _read(cls: type[Any], environ: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    hints = get_type_hints(cls)
    values: dict[str, Any] = {}
    problems: list[str] = []
    for declared in fields(cls):
        variable, meaning = variable_of(declared), declared.metadata["meaning"]
        raw = environ.get(variable, "").strip()
        if not raw:
            if declared.default is MISSING:
                problems.append(f"{variable} is not set. {meaning}")
            else:
                values[declared.name] = declared.default
            continue
        try:
            values[declared.name] = _parse(raw, hints[declared.name])
        except ValidationError:
            problems.append(f"{variable} must be {describe(hints[declared.name])}, not {_shown(declared, raw)}.")
            continue
        check = declared.metadata["check"]
        if check and (wrong := check(values[declared.name])):
            problems.append(f"{variable} {wrong}")
    return values, problems


def _shown(declared: Field[Any], raw: str) -> str:
    return "what it holds (not shown: a secret)" if declared.metadata["secret"] else repr(raw)


def _parse(raw: str, hint: Any) -> Any:
    kind = _plain(hint)
    if kind == tuple[str, ...]:
        return tuple(part.strip() for part in raw.split(",") if part.strip())
    if kind is Path:
        return Path(raw).expanduser()
    return _PARSERS[kind].deserialize(raw)


def _plain(hint: Any) -> Any:
    """`X` of `X | None`."""
    if get_origin(hint) in (Union, UnionType):
        return next(arg for arg in get_args(hint) if arg is not NoneType)
    return hint


def describe(hint: Any) -> str:
    """A type as a person would say it."""
    names = {
        bool: "true or false",
        int: "a whole number",
        float: "a number",
        str: "text",
        Path: "a path",
        tuple[str, ...]: "a list separated by commas",
    }
    return names[_plain(hint)]


def _misspelt(environ: Mapping[str, str], declared: list[str]) -> list[str]:
    """Variables that are nearly a setting's name. Far-off names belong to somebody else and are left alone."""
    known = set(declared)
    found = []
    for name in environ:
        if name in known or "_" not in name:
            continue
        close = difflib.get_close_matches(name, [d for d in declared if d not in environ], n=1, cutoff=0.92)
        if close:
            found.append(f"{name} is not a setting. Did you mean {close[0]}?")
    return found


def one_of(*choices: str) -> Check:
    """A check: the value is among `choices`."""

    def check(value: str) -> str | None:
        if value in choices:
            return None
        near = difflib.get_close_matches(value, choices, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        return f"must be one of {', '.join(choices)}, not {value!r}.{hint}"

    return check


def positive(value: float) -> str | None:
    """A check: the value is above zero."""
    return None if value > 0 else f"must be above 0, not {value}."


def within(low: float, high: float) -> Check:
    """A check: the value is from `low` to `high`."""
    return lambda value: None if low <= value <= high else f"must be from {low} to {high}, not {value}."


def url_of(*schemes: str) -> Check:
    """A check: the value is a URL of one of `schemes` with a host."""

    def check(value: str) -> str | None:
        parts = urlsplit(value)
        expected = " or ".join(f"{scheme}://" for scheme in schemes)
        if parts.scheme not in schemes:
            return f"must begin with {expected}."
        return None if parts.hostname or parts.query else f"names no host: write {expected}host:port/…"

    return check


@dataclass(frozen=True)
class EngineSettings:
    """What every process needs: where the ledger and the broker are, and the numbers that hang together."""

    database_url: str = setting(
        "CRIER_DATABASE_URL",
        "The ledger: postgresql://user:password@host:5432/name?sslmode=verify-full. `crier up` provides one.",
        secret=True,
        check=url_of("postgresql", "postgres"),
    )
    broker_url: str = setting(
        "CRIER_BROKER_URL",
        "The broker: redis://, rediss://, amqp:// or amqps://. `crier up` provides one.",
        secret=True,
        check=url_of("redis", "rediss", "amqp", "amqps"),
    )
    redis_url: str | None = setting(
        "CRIER_REDIS_URL",
        "Redis for task results, and for what workers share about providers: breakers and rates; database 1 of the "
        "broker's Redis when that is Redis.",
        default=None,
        secret=True,
        check=url_of("redis", "rediss"),
    )
    secret_key: str | None = setting(
        "CRIER_SECRET_KEY",
        "Fernet keys that encrypt one-time codes, newest first, separated by commas. `crier keys secret` makes one.",
        default=None,
        secret=True,
    )
    public_url: str | None = setting(
        "CRIER_PUBLIC_URL",
        "https address at which the gateway is reached from outside: for receipts and for links to unsubscribe.",
        default=None, check=url_of("https", "http"),
    )  # fmt: skip
    log_level: str = setting(
        "CRIER_LOG_LEVEL", "The least that is logged.", default="INFO",
        check=one_of("DEBUG", "INFO", "WARNING", "ERROR"),
    )  # fmt: skip
    log_format: str = setting(
        "CRIER_LOG_FORMAT", "json, or console for people.", default="json", check=one_of("json", "console")
    )
    metrics_port: int | None = setting(
        "CRIER_METRICS_PORT", "Port on which a worker service exposes Prometheus metrics; unset: none.", default=None
    )
    batch_size: int = setting(
        "CRIER_BATCH_SIZE", "Deliveries claimed by one answer to a bell.", default=250, check=positive
    )
    niceness: int = setting(
        "CRIER_NICENESS",
        "How far a worker process without a critical lane makes way when processors are busy: 0 (not at all) to 19.",
        default=10, check=within(0, 19),
    )  # fmt: skip
    bells: int = setting(
        "CRIER_BELLS", "Bells a lane may have outstanding, however long its backlog.", default=8, check=positive
    )
    provider_timeout: float = setting(
        "CRIER_PROVIDER_TIMEOUT", "Seconds one provider call may take.", default=10.0, check=positive
    )
    batch_timeout: float = setting(
        "CRIER_BATCH_TIMEOUT", "Seconds after which a batch starts no more calls and gives its rest back.",
        default=15.0, check=positive,
    )  # fmt: skip
    time_limit: float = setting(
        "CRIER_TIME_LIMIT", "Seconds after which the engine interrupts a delivery actor.", default=20.0, check=positive
    )
    lease: float = setting(
        "CRIER_LEASE", "Seconds a claim lasts before the relay takes it back.", default=30.0, check=positive
    )
    retries: int = setting("CRIER_RETRIES", "Retries after a failed attempt before a dead letter.", default=3)
    retry_base: float = setting(
        "CRIER_RETRY_BASE", "Seconds before the first retry; doubles each time, with equal jitter.",
        default=60.0, check=positive,
    )  # fmt: skip
    waiting_limit: float = setting(
        "CRIER_WAITING_LIMIT", "Seconds a delivery may wait for a provider that asks for patience.",
        default=86400.0, check=positive,
    )  # fmt: skip

    def problems(self) -> list[str]:
        """The timing numbers, checked against each other: each must leave room for the one inside it."""
        chain = (
            ("CRIER_PROVIDER_TIMEOUT", self.provider_timeout),
            ("CRIER_BATCH_TIMEOUT", self.batch_timeout),
            ("CRIER_TIME_LIMIT", self.time_limit),
            ("CRIER_LEASE", self.lease),
        )
        return [
            f"{inner} ({inner_value:g} s) must be less than {outer} ({outer_value:g} s)."
            for (inner, inner_value), (outer, outer_value) in pairwise(chain)
            if inner_value >= outer_value
        ]
