"""What a template makes of data, worked out here beside the services: so it is known without asking them."""

from collections.abc import Mapping
from typing import Any

from crier.demo.stage import SETTINGS
from shared.messages.content import Content
from shared.settings import load_one
from shared.templates.brand_settings import BrandSettings
from shared.templates.catalogue import load_catalogue, templates_folder
from shared.templates.compiled import compile_bundle


class Rendering:
    """The shipped templates, with the demo's brand."""

    def __init__(self) -> None:
        catalogue = load_catalogue(templates_folder({}))
        self.templates = {name: compile_bundle(bundle) for name, bundle in catalogue.items()}
        self._brand = load_one(BrandSettings, SETTINGS).brand()

    def content(self, template: str, channel: str, data: Mapping[str, Any], to: Mapping[str, Any]) -> Content:
        """The content that has to arrive."""
        recipient = {name: value for name, value in to.items() if name != "tokens"}
        return self.templates[template].render(channel, data, recipient, self._brand)
