"""Where commands print."""

from rich.console import Console

UNCUT = 200  # columns, where nobody's window limits them


def screen(*, stderr: bool = False) -> Console:
    """The terminal as wide as it is; a file or a pipe wide enough that nothing is cut."""
    console = Console(stderr=stderr, highlight=False)
    return console if console.is_terminal else Console(stderr=stderr, highlight=False, width=UNCUT)
