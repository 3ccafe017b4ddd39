"""The template a notification is pinned to: the latest version, compiled once."""

from dataclasses import dataclass
from threading import Lock

from cachetools import LRUCache, TTLCache

from shared.errors import InvalidInput
from shared.intake.problems import did_you_mean
from shared.ledger.database import Database
from shared.ledger.template_store import TemplateStore
from shared.templates.bundle import Bundle
from shared.templates.compiled import Template, compile_bundle

LATEST_FOR = 1.0
"""Seconds for which the latest version is remembered: how late a push of a template is noticed at most."""


@dataclass(frozen=True, slots=True)
class Pinned:
    """A template version, ready to check data."""

    id: int
    template: Template


class Templates:
    """Finds and compiles the latest versions of a project's templates."""

    def __init__(self, database: Database) -> None:
        self._store = TemplateStore(database)
        self._latest: TTLCache[tuple[int, str], Pinned] = TTLCache(maxsize=2000, ttl=LATEST_FOR)
        self._versions: LRUCache[int, Pinned] = LRUCache(maxsize=100)
        self._lock = Lock()

    def pin(self, project_id: int, name: str, channel: str) -> Pinned:
        """The latest version of `name` that `channel` can be sent by.

        Raises:
            InvalidInput: there is no such template, or it has no form for the channel.
        """
        with self._lock:
            pinned = self._latest.get((project_id, name))
        if pinned is None:
            pinned = self._find(project_id, name)
        if channel not in pinned.template.channels:
            has = ", ".join(pinned.template.channels)
            raise InvalidInput({"channel": [f"The template {name} has no form for {channel}; it has {has}."]})
        return pinned

    def version(self, version_id: int) -> Pinned:
        """The version that something was pinned to."""
        with self._lock:
            pinned = self._versions.get(version_id)
        if pinned is None:
            found = self._store.by_id(version_id)
            pinned = Pinned(found.id, compile_bundle(Bundle.from_json(found.bundle)))
            with self._lock:
                self._versions[version_id] = pinned
        return pinned

    def forget(self, project_id: int, name: str) -> None:
        """Notice a new version at once, in this process."""
        with self._lock:
            self._latest.pop((project_id, name), None)

    def _find(self, project_id: int, name: str) -> Pinned:
        version = self._store.latest(project_id, name)
        if version is None:
            names = [other.name for other in self._store.names(project_id)]
            raise InvalidInput({"template": [f"There is no template of this name.{did_you_mean(name, names)}"]})
        pinned = Pinned(version.id, compile_bundle(Bundle.from_json(version.bundle)))
        with self._lock:
            self._latest[project_id, name] = pinned
        return pinned
