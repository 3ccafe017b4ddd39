"""Reads the file of policies. Every problem is said at once, with its policy, its field and the remedy."""

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import available_timezones

import psycopg
from marshmallow import Schema, ValidationError, fields, validate
from psycopg.conninfo import conninfo_to_dict
from redis.connection import parse_url

from services.cleanup.declared.policy import (
    Condition,
    Declared,
    FilesPolicy,
    KeysPolicy,
    Policy,
    TablePolicy,
    UpkeepPolicy,
)
from shared.errors import InvalidInput
from shared.periodic.cron import cron_problem

OPERATORS = ("=", "!=", "<", "<=", ">", ">=", "in", "not in", "is null", "is not null")

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)", re.ASCII)
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}", re.ASCII)
_MOST = timedelta(days=36_500)
_SCHEMES = {"databases": ("postgresql", "postgres"), "redis": ("redis", "rediss")}


class Duration(fields.Field[timedelta]):
    """`90d`, `12h`, `5m`, `30s`, `100ms`; in TOML it is text.

    Parameters:
        zero: whether none at all will do.
    """

    def __init__(self, *, zero: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.zero = zero

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> timedelta:
        match = _DURATION.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            raise ValidationError(
                f'{value!r} is no time: write a number and a unit, such as "90d", "12h", "5m", "30s" or "100ms".'
            )
        seconds = float(match[1]) * _UNITS[match[2]]
        if seconds > _MOST.total_seconds() or (seconds == 0 and not self.zero):
            raise ValidationError(f"{value!r} must be {'' if self.zero else 'above 0 and '}at most {_MOST.days}d.")
        return timedelta(seconds=seconds)


class Conditions(fields.Field[tuple[Condition, ...]]):
    """`[["status", "=", "held"], ["paid_at", "is null"]]`. No SQL: values are always parameters."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> tuple[Condition, ...]:
        if not isinstance(value, list):
            raise ValidationError('Write a list of conditions, such as [["status", "=", "held"]]. SQL is not taken.')
        return tuple(_condition(one) for one in value)


def _condition(given: Any) -> Condition:
    if not isinstance(given, list) or len(given) not in (2, 3) or not all(isinstance(part, str) for part in given[:2]):
        raise ValidationError(f'{given!r} must be [column, operator, value], such as ["status", "=", "held"].')
    column, operator, *rest = given
    operator = operator.lower()
    if operator not in OPERATORS:
        raise ValidationError(f"{operator!r} is no operator: choose from {', '.join(OPERATORS)}.")
    if operator.startswith("is") != (not rest):
        raise ValidationError(f"{given!r}: {operator} takes {'no value' if rest else 'a value'}.")
    if operator.endswith("in") != (bool(rest) and isinstance(rest[0], list)):
        raise ValidationError(f"{given!r}: a list of values goes with in and not in, and only with them.")
    return Condition(column, operator, *rest)


class AbsolutePath(fields.Field[Path]):
    """A folder, written in full."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Path:
        if not isinstance(value, str) or not Path(value).is_absolute():
            raise ValidationError(f"{value!r} must be a path that begins with /.")
        return Path(value)


def _schedule(value: str) -> None:
    if problem := cron_problem(value):
        raise ValidationError(f"{value!r} is no schedule: {problem}")


def _timezone(value: str) -> None:
    if value not in available_timezones():
        raise ValidationError(
            f"{value!r} is no time zone, such as Europe/Vienna.{near(value, sorted(available_timezones()))}"
        )


def _needed(example: str) -> dict[str, Any]:
    return {"required": True, "error_messages": {"required": f"It is missing: {example}"}}


class _PolicySchema(Schema):
    schedule = fields.String(validate=_schedule, **_needed('schedule = "0 3 * * *" (cron, in UTC).'))


class _GentleSchema(_PolicySchema):
    batch = fields.Integer(strict=True, validate=validate.Range(1, 100_000))
    pause = Duration(zero=True)


class _TableSchema(_GentleSchema):
    database = fields.String(**_needed('database = "app", a name in [databases].'))
    table = fields.String(**_needed('table = "trip_locations".'))
    column = fields.String(**_needed('column = "recorded_at", the time that says how old a row is.'))
    older_than = Duration(zero=True, **_needed('older_than = "90d"; "0s" where the column says when a row expires.'))
    timezone = fields.String(validate=_timezone)
    where = Conditions()
    archive = AbsolutePath()
    may_empty = fields.Boolean()
    cascades = fields.Boolean()


class _KeysSchema(_GentleSchema):
    redis = fields.String(**_needed('redis = "app", a name in [redis].'))
    pattern = fields.String(**_needed('pattern = "session:*".'))
    idle = Duration(**_needed('idle = "30m", the time without any access.'))
    all_keys = fields.Boolean()


class _FilesSchema(_GentleSchema):
    folder = AbsolutePath(**_needed('folder = "/var/tmp/shop".'))
    older_than = Duration(**_needed('older_than = "24h".'))
    match = fields.String()
    recursive = fields.Boolean()
    may_empty = fields.Boolean()


class _UpkeepSchema(_PolicySchema):
    database = fields.String(**_needed('database = "app", a name in [databases].'))
    tables = fields.List(fields.String())


# section: the schema of its policies, and what becomes of one
_SECTIONS: dict[str, tuple[Schema, type[Policy]]] = {
    "tables": (_TableSchema(), TablePolicy),
    "keys": (_KeysSchema(), KeysPolicy),
    "files": (_FilesSchema(), FilesPolicy),
    "maintenance": (_UpkeepSchema(), UpkeepPolicy),
}


def read(path: Path, environ: Mapping[str, str]) -> Declared:
    """What the file says.

    Parameters:
        environ: has the URLs of the databases, under the names of variables the file says.

    Raises:
        InvalidInput: every problem, by `<section>.<policy>.<field>`; nothing was connected to.
    """
    try:
        said = tomllib.loads(path.read_text())
    except OSError as error:
        raise InvalidInput({"CRIER_CLEANUP_POLICIES": [f"{path} cannot be read: {error.strerror}."]}) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput({str(path): [f"It is no TOML: {error}."]}) from error
    problems: dict[str, list[str]] = {}
    for section in said.keys() - {*_SECTIONS, *_SCHEMES}:
        problems[section] = [f"There is no such section.{near(section, [*_SCHEMES, *_SECTIONS])}"]
    for section in said.keys() & {*_SECTIONS, *_SCHEMES}:
        if not isinstance(said[section], dict) or not _fits(section, said[section]):
            problems[section] = [_SHAPES["url" if section in _SCHEMES else "policy"].format(section=section)]
            said[section] = {}
    urls = {section: _urls(section, said.get(section, {}), environ, problems) for section in _SCHEMES}
    policies = {section: _policies(section, said.get(section, {}), problems) for section in _SECTIONS}
    for path_of, one in Declared({}, {}, policies).each():
        _check_source(path_of, one, said, problems)
    _check_names(policies, problems)
    if problems:
        raise InvalidInput(problems)
    return Declared(urls["databases"], urls["redis"], policies)


_SHAPES = {
    "url": 'Write name = "VARIABLE", the environment variable that holds the URL.',
    "policy": "Write each policy as a table of its own: [{section}.its-name].",
}


def _fits(section: str, said: Mapping[str, Any]) -> bool:
    return all(isinstance(value, str if section in _SCHEMES else dict) for value in said.values())


def near(name: str, choices: Sequence[str]) -> str:
    """What somebody may have meant, or could have said, as a sentence with a space before it."""
    close = difflib.get_close_matches(name, choices, n=1)
    if close:
        return f" Did you mean {close[0]!r}?"
    shown = ", ".join(sorted(choices)[:12]) + (", …" if len(choices) > 12 else "")
    return f" There is: {shown}." if choices else ""


def _urls(
    section: str, named: Mapping[str, str], environ: Mapping[str, str], problems: dict[str, list[str]]
) -> dict[str, str]:
    found = {}
    for name, variable in named.items():
        if "://" in variable:
            problem = "A URL does not belong here, for it holds a password: name the environment variable that has it."
        elif not (url := environ.get(variable, "").strip()):
            problem = f"The environment variable {variable} is not set: it holds the URL."
        elif url.partition("://")[0].lower() not in _SCHEMES[section]:
            problem = f"The URL in {variable} must begin with {' or '.join(f'{s}://' for s in _SCHEMES[section])}."
        elif not _is_url(section, url):
            problem = f"The URL in {variable} is not valid: percent-encode the password in it."
        else:
            found[name] = url
            continue
        problems[f"{section}.{name}"] = [problem]
    return found


def _is_url(section: str, url: str) -> bool:
    """Whether a client will read it as it is meant; else its errors would show parts of the password."""
    try:
        parts = urlsplit(url)
        if parts.netloc.count("@") > 1 or "@" in parts.path:
            return False
        if section == "redis":
            parse_url(url)
            return parts.port is None or parts.port > 0
        ports = str(conninfo_to_dict(url).get("port") or "").split(",")
        return all(not port or (port.isascii() and port.isdigit()) for port in ports)
    except (ValueError, psycopg.Error):
        return False


def _policies(section: str, named: Mapping[str, Any], problems: dict[str, list[str]]) -> dict[str, Policy]:
    schema, kind = _SECTIONS[section]
    found = {}
    for name, given in named.items():
        if not _NAME.fullmatch(name):
            problems[f"{section}.{name}"] = [
                "A name is 1 to 63 of a-z, 0-9, - and _, and begins with none of the last."
            ]
            continue
        try:
            loaded = schema.load(given)
        except ValidationError as error:
            for field, wrong in _flat(error.messages):
                unknown = field not in schema.fields
                problems[f"{section}.{name}.{field}"] = (
                    [f"There is no such field.{near(field, list(schema.fields))}"] if unknown else wrong
                )
            continue
        found[name] = kind(name=name, **{key: _frozen(value) for key, value in loaded.items()})
    return found


def _flat(messages: Any) -> Iterator[tuple[str, list[str]]]:
    for field, wrong in messages.items():
        yield field, wrong if isinstance(wrong, list) else [one for part in wrong.values() for one in part]


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _check_source(path: str, policy: Policy, said: Mapping[str, Any], problems: dict[str, list[str]]) -> None:
    for field, section in (("database", "databases"), ("redis", "redis")):
        name, known = getattr(policy, field, None), list(said.get(section, {}))
        if name is not None and name not in known:
            hint = near(name, known) or f' Add it there: {name} = "VARIABLE".'
            problems[f"{path}.{field}"] = [f"{name!r} is not in [{section}].{hint}"]


def _check_names(policies: Mapping[str, Mapping[str, Policy]], problems: dict[str, list[str]]) -> None:
    seen: dict[str, str] = {}
    for section, named in policies.items():
        for name in named:
            if name in seen:
                problems[f"{section}.{name}"] = [
                    f"[{seen[name]}.{name}] has that name too: runs are recorded under it."
                ]
            seen.setdefault(name, section)
