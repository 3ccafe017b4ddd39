"""From a claimed delivery to its content: what the caller gave, or its pinned template with its data."""

from collections.abc import Mapping
from typing import Any

from cachetools import LRUCache, cached

from shared.crypto import Sealer
from shared.ledger.digests import Digests
from shared.ledger.template_store import TemplateStore
from shared.ledger.work import Claimed
from shared.messages.content import Content, read_content
from shared.senders.identities import Identities
from shared.templates.bundle import Bundle
from shared.templates.compiled import Template, compile_bundle
from shared.templates.manifest import DIGEST_COUNT
from shared.unsubscribe import Subscription, UnsubscribeLinks, with_link, with_preferences_link


class Renderer:
    """Renders claimed deliveries. Template versions are compiled once and kept.

    Parameters:
        links: where promotions get a way to unsubscribe whose caller gave none.
    """

    def __init__(
        self, store: TemplateStore, sealer: Sealer, identities: Identities, links: UnsubscribeLinks | None = None
    ) -> None:
        self._sealer = sealer
        self._identities = identities
        self._links = links
        self._digests = Digests(store.database)

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
        template, recipient = self._template(item.template_id), self.recipient(item)
        if template.links_to_preferences:
            recipient = with_preferences_link(recipient, item.kind, _subscription(item), self._links)
        data = self._collected(item, template) if item.digest else self._data(item)
        return template.render(item.channel, data, recipient, brand)

    def recipient(self, item: Claimed) -> Mapping[str, Any]:
        """What is known of the recipient of `item`, with a way to unsubscribe where it needs one."""
        return with_link(item.recipient, item.kind, _subscription(item), self._links)

    def _collected(self, item: Claimed, template: Template) -> dict[str, Any]:
        """What a digest collected; it collects no more from now on, and the same is read whenever it is tried again."""
        found = self._digests.close(item.notification_id, template.digest_most)
        return {**found.variables, str(template.digest): list(found.items), DIGEST_COUNT: found.count}

    def _data(self, item: Claimed) -> dict[str, Any]:
        return {**(item.data or {}), **(self._sealer.open(item.sealed) if item.sealed else {})}


def _subscription(item: Claimed) -> Subscription:
    user_id, locale = item.recipient.get("user_id"), item.recipient.get("locale")
    return Subscription(item.project_id, item.channel, item.target, item.id, item.category, user_id, locale)
