"""A mail's HTML as a document for a frame: its own pictures inside it, its links in windows of their own."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

_CID = re.compile(r"""(?<=["'(=])cid:([A-Za-z0-9._-]{1,100})""")
_HEAD = re.compile(r"<head\b[^>]*>", re.IGNORECASE)
_LINKS = '<base target="_blank"><meta name="referrer" content="no-referrer">'
_UNITS = ((1_000_000, "MB"), (1000, "KB"))


def document(html: str, attachments: Sequence[Mapping[str, Any]]) -> str:
    """`html` with each `cid:` (RFC 2392) replaced by the image it names."""
    images = {one["content_id"]: _data_url(one) for one in attachments if one.get("content_id")}
    html = _CID.sub(lambda match: images.get(match[1], match[0]), html)
    head = _HEAD.search(html)
    # Before a doctype it would make the browser draw the mail as it drew pages in 1999.
    return html[: head.end()] + _LINKS + html[head.end() :] if head else _LINKS + html


def files(attachments: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """What is attached and not shown inside the mail: name, size, and an address that holds the file itself."""
    return [
        {"name": one["filename"], "size": _size(len(one["content"]) * 3 // 4), "url": _data_url(one)}
        for one in attachments
        if not one.get("content_id")
    ]


def _data_url(attachment: Mapping[str, Any]) -> str:
    return f"data:{attachment['content_type']};base64,{attachment['content']}"


def _size(length: int) -> str:
    for unit, name in _UNITS:
        if length >= unit:
            return f"{length / unit:.0f} {name}"
    return f"{length} bytes"
