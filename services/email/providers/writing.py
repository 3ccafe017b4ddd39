"""Where a mail is written: on the event loop, unless that would make everything else wait."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from shared.messages.email import EmailMessage

T = TypeVar("T")
LARGE = 256 * 1024
"""Bytes of attachments from which on a mail is written in a thread: 10 MB take 0.1 s as JSON, and 1.7 s as MIME."""


async def written(message: EmailMessage, write: Callable[[EmailMessage], T], *, slow: bool = False) -> T:
    """What `write` makes of `message`; raises what it raises.

    Parameters:
        slow: writing takes long even for a small one.
    """
    large = sum(len(attachment.content) for attachment in message.content.attachments) > LARGE
    return await asyncio.to_thread(write, message) if large or slow else write(message)
