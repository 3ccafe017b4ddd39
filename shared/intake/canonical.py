"""One JSON form of a request: by it two requests are the same or not, and what PostgreSQL cannot store is refused."""

from hashlib import sha256
from typing import Any

import orjson

from shared.errors import InvalidInput

MAX_DEPTH = 32
_CONTAINERS = (dict, list, tuple)


def canonical(request: Any) -> bytes:
    """The canonical JSON of `request`: sorted keys, no spaces.

    Raises:
        InvalidInput: it is not JSON, is nested deeper than `MAX_DEPTH`, or has a NUL character in it, which
            PostgreSQL cannot store (https://www.postgresql.org/docs/18/datatype-json.html).
    """
    try:
        form = orjson.dumps(request, option=orjson.OPT_SORT_KEYS)
    except TypeError as error:
        raise InvalidInput({"(body)": [f"Must consist of what JSON can say: {error}."]}) from None
    check_storable(request, form)
    return form


def check_storable(value: Any, form: bytes) -> None:
    """Refuse nesting deeper than `MAX_DEPTH`, and NUL characters.

    Parameters:
        form: the JSON of `value`.
    """
    if is_deeper_than(value, MAX_DEPTH, brackets=form.count(b"{") + form.count(b"[")):
        raise InvalidInput({"(body)": [f"May be nested at most {MAX_DEPTH} deep."]})
    if b"\\u0000" in form and (path := _with_nul(value, "")) is not None:
        raise InvalidInput({path or "(body)": ["Remove the NUL character (U+0000): it cannot be stored."]})


def request_hash(form: bytes) -> bytes:
    """SHA-256 of a canonical form."""
    return sha256(form).digest()


def is_deeper_than(value: Any, depth: int, *, brackets: int) -> bool:
    """Whether objects and lists are nested deeper than `depth`.

    Parameters:
        brackets: how many `{` and `[` its JSON has: what has few cannot be deep, and is not walked through.
    """
    if brackets <= depth:
        return False
    level = [value] if isinstance(value, _CONTAINERS) else []
    for _ in range(depth):
        level = [
            item
            for container in level
            for item in (container.values() if isinstance(container, dict) else container)
            if isinstance(item, _CONTAINERS)
        ]
        if not level:
            return False
    return True


def _with_nul(value: Any, path: str) -> str | None:
    """The path of the first string with a NUL character; None when there is none."""
    if isinstance(value, str):
        return path if "\0" in value else None
    if isinstance(value, dict):
        for key, item in value.items():
            if "\0" in str(key):
                return path
            found = _with_nul(item, f"{path}.{key}" if path else str(key))
            if found is not None:
                return found
    if isinstance(value, list | tuple):
        for index, item in enumerate(value):
            found = _with_nul(item, f"{path}.{index}" if path else str(index))
            if found is not None:
                return found
    return None
