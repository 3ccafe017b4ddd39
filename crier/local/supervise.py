"""Runs supervisord: `python -m crier.local.supervise -c supervisord.conf`.

As supervisord's own command does, with one difference. Its loop looks for ended programs when something happens
on a pipe or a second has passed, and starts them again in the round after that: up to two seconds. Here a round
lasts a fifth of a second at most.
"""

import sys
from typing import Any

from supervisor.options import ServerOptions
from supervisor.supervisord import go

ROUND = 0.2  # seconds


class PromptPoller:
    """The poller of supervisord, waiting no longer than a round."""

    def __init__(self, poller: Any) -> None:
        self._poller = poller

    def poll(self, timeout: float) -> Any:
        return self._poller.poll(min(timeout, ROUND))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._poller, name)


def main(arguments: list[str]) -> None:
    options = ServerOptions()
    options.realize(arguments)
    options.first, options.test = True, False
    options.poller = PromptPoller(options.poller)
    go(options)
    options.close_httpservers()
    options.close_logger()


if __name__ == "__main__":
    main(sys.argv[1:])
