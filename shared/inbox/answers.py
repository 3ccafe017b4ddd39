"""What is said of inboxes, as JSON: the same by the gateway, which servers ask, and by the in-app service."""

from typing import Any

from shared.ledger.inbox import Item, Marked, Page

_CONTENT: dict[str, Any] = {
    "title": "",
    "body": "",
    "link": None,
    "image": None,
    "icon": None,
    "actions": [],
    "category": None,
}


def shown_item(item: Item) -> dict[str, Any]:
    """A notification in an inbox. Every field is there, whatever the content leaves out."""
    content = {name: item.content.get(name, empty) for name, empty in _CONTENT.items()}
    moments = {"created_at": item.created_at, "read_at": item.read_at, "archived_at": item.archived_at}
    return {"id": item.id, **content, "data": item.content.get("data", {}), **moments}


def shown_page(page: Page) -> dict[str, Any]:
    """A page. `last_event_id` is where a stream goes on that is to miss nothing."""
    return {
        "items": [shown_item(item) for item in page.items],
        "unread": page.unread,
        "last_event_id": str(page.changes),
        "next": page.next,
    }


def shown_marked(marked: Marked) -> dict[str, Any]:
    """A notification that was marked."""
    return {"item": shown_item(marked.item), "unread": marked.unread}
