"""The peers' one task: render, mark the row sending, call the provider, mark it sent. The same function for each."""

import os
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from jinja2 import Environment
from urllib3 import PoolManager

from bench import texts
from bench.peer.rows import Rows
from bench.tally import Tally

DATABASE, BROKER, TALLY, PROVIDER = "PEER_DATABASE_URL", "PEER_BROKER_URL", "PEER_TALLY", "PEER_PROVIDER_URL"


def deliver(identifier: str, to: str, data: Mapping[str, Any]) -> None:
    """Render, mark, call, mark."""
    body = _template().render(data)
    _rows().sending(identifier)
    _provider()(to, body)
    _rows().sent(identifier)


# Made at the first task, so after a worker that forks has forked.
@cache
def _rows() -> Rows:
    return Rows(os.environ[DATABASE], connections=32)


@cache
def _template() -> Any:
    return Environment().from_string(texts.SMS)


@cache
def _provider() -> Callable[[str, str], None]:
    """Over HTTP when it has an address; in process otherwise."""
    if addresses := os.environ.get(PROVIDER):
        url, http = texts.provider_of(addresses), PoolManager(maxsize=256)

        def call(to: str, body: str) -> None:
            answer = http.request("POST", url(to), json={"to": to, "body": body})
            if answer.status != 200:
                raise RuntimeError(f"The provider answered {answer.status}.")

        return call
    tally = Tally(os.environ[TALLY])
    return lambda to, _: tally.add(to)
