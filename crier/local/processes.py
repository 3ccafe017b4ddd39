"""Signals to a process and everything below it."""

import signal
from collections.abc import Iterable
from contextlib import suppress

import psutil

from crier.local.launch import is_alive, wait_gone

__all__ = ["is_alive", "kill_tree", "pause_tree", "resume_tree", "send", "tree", "wait_gone"]


def tree(pid: int) -> list[psutil.Process]:
    """The process and its descendants, parents first; empty when it is gone."""
    with suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    return []


def send(processes: Iterable[psutil.Process], number: signal.Signals) -> None:
    """Send a signal to each that is still there (psutil never signals a pid that was given to another)."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def kill_tree(pid: int, timeout: float = 10) -> None:
    """SIGKILL the process and its descendants, the parent first, and wait until they are gone (seconds)."""
    victims = tree(pid)
    send(victims, signal.SIGKILL)
    wait_gone(victims, timeout)


def pause_tree(pid: int) -> None:
    """SIGSTOP the process and its descendants: they keep their connections and answer nothing."""
    # The parent first: stopped, it starts no more of them.
    send(tree(pid)[:1], signal.SIGSTOP)
    send(tree(pid)[1:], signal.SIGSTOP)


def resume_tree(pid: int) -> None:
    """SIGCONT the process and its descendants."""
    send(tree(pid), signal.SIGCONT)
