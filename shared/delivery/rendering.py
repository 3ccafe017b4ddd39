"""From a claimed delivery to its content: what the caller gave, or its pinned template with its data."""

from typing import Any

from cachetools import LRUCache, cached

from shared.crypto import Sealer
from shared.ledger.template_store import TemplateStore
from shared.ledger.work import Claimed
from shared.messages.content import Content, read_content
from shared.senders.identities import Identities
from shared.templates.bundle import Bundle
from shared.templates.compiled import Template, compile_bundle


class Renderer:
    """Renders claimed deliveries. Template versions are compiled once and kept."""

    def __init__(self, store: TemplateStore, sealer: Sealer, identities: Identities) -> None:
        self._sealer = sealer
        self._identities = identities

        @cached(LRUCache(maxsize=500))
        def template(version_id: int) -> Template:
            return compile_bundle(Bundle.from_json(store.by_id(version_id).bundle))

        self._template = template

    def content(self, item: Claimed) -> Content:
        """What the recipient of `item` will read.

        Raises:
            TemplateError: the template does not work with this data.
            LedgerUnavailable: the template or the sender's identity cannot be read.
        """
        if item.template_id is None:
            return read_content(item.channel, item.content or {})
        brand = self._identities.of(item.project_id).brand
        return self._template(item.template_id).render(item.channel, self._data(item), item.recipient, brand)

    def _data(self, item: Claimed) -> dict[str, Any]:
        return {**(item.data or {}), **(self._sealer.open(item.sealed) if item.sealed else {})}
