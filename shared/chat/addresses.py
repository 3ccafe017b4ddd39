"""Addresses of chat destinations: Apprise's URLs, read by Apprise's own parsers. Errors never repeat what they hold."""

from collections.abc import Mapping
from typing import Any

from shared.chat.plugins import instance, plugin_class
from shared.chat.services import ELSEWHERE, SCHEMAS, SERVICES, Service
from shared.intake.problems import did_you_mean
from shared.ledger.chats import Address
from shared.ssrf import Reach

MAX_URL = 1000
_FORMS = "https://github.com/caronc/apprise/wiki"


def read(given: str, reach: Reach) -> Address:
    """The address that a project registers.

    Parameters:
        given: Apprise's URL, or a webhook's as its vendor shows it.
        reach: where servers of anybody's may be.

    Raises:
        ValueError: it is none that is sent to; the text says why and what would be right, and nothing of it.
    """
    service, parsed = _parsed(given)
    plugin = _made(service, parsed)
    schema = str(parsed["schema"]).lower()
    if service.name == "teams":
        schema = "workflows"
    if not service.hosted:
        return Address(given.strip(), service.name, f"{schema}://…")
    if service.name == "ntfy" and plugin.mode == "cloud":
        # What stands where a server would is the topic, and whoever knows a topic reads it.
        return Address(given.strip(), service.name, "ntfys://ntfy.sh/…")
    host = str(parsed.get("host") or "")
    if not (schema.endswith("s") or reach.allow_http):
        raise ValueError(f"{schema}:// is not encrypted: write {schema}s://, or set CRIER_WEBHOOK_ALLOW_HTTP.")
    port = f":{parsed['port']}" if parsed.get("port") else ""
    # What leads to a server is https here, whatever the address calls it.
    where = reach.url(f"{'https' if schema.endswith('s') else 'http'}://{host}{port}/")
    reach.look(where)
    return Address(given.strip(), service.name, f"{schema}://{host}{port}/…")


def open_plugin(url: str) -> tuple[Service, Any]:
    """The service of a registered address, and Apprise's plugin for it. Raises ValueError, as `read` does."""
    service, parsed = _parsed(url)
    return service, _made(service, parsed)


def _parsed(given: str) -> tuple[Service, dict[str, Any]]:
    url = given.strip()
    if len(url) > MAX_URL:
        raise ValueError(f"May have {MAX_URL} characters.")
    if any(character.isspace() or not character.isprintable() for character in url):
        raise ValueError("Must be one URL, without spaces and line breaks.")
    if "#" in url:
        # Apprise passes over what follows, and a bot would post to #general.
        raise ValueError("Must not have a #: write a channel without it, as in slack://xoxb-…/channel.")
    schema, separator, _ = url.partition("://")
    schema = schema.lower()
    if not separator:
        raise ValueError("Must be an Apprise URL such as slack://TOKEN_A/TOKEN_B/TOKEN_C.")
    if schema == "https":
        return _native(url)
    service = SCHEMAS.get(schema)
    if service is None:
        raise ValueError(_unknown(schema))
    parsed = plugin_class(service).parse_url(url)
    if not parsed:
        raise ValueError(_incomplete(service))
    return service, _plain(service, parsed)


def _native(url: str) -> tuple[Service, dict[str, Any]]:
    for service in SERVICES.values():
        if parsed := plugin_class(service).parse_native_url(url):
            return service, _plain(service, parsed, native=True)
    raise ValueError(
        "No chat service has webhooks at such an address. For a server of your own write jsons:// instead of https://."
    )


def _plain(service: Service, parsed: Mapping[str, Any], *, native: bool = False) -> dict[str, Any]:
    """What was read of a URL, if it asks for nothing but what may be asked for."""
    asked = set(parsed.get("qsd") or ())
    more = any(parsed.get(sign) for sign in ("qsd+", "qsd-", "qsd:"))
    taken = service.options | (service.native if native else frozenset())
    if refused := sorted(asked - taken):
        known = f"may have {', '.join(sorted(service.options))}" if service.options else "has no options"
        raise ValueError(f"An address of {service.title} {known}; not {refused[0][:40]}.")
    if more:
        raise ValueError("Options that begin with +, - or : are not taken.")
    return dict(parsed)


def _made(service: Service, parsed: Mapping[str, Any]) -> Any:
    try:
        plugin = instance(service, parsed)
    except TypeError:
        raise ValueError(_incomplete(service)) from None
    if not plugin.enabled:
        raise ValueError(f"Apprise cannot speak to {service.title} here: a package is missing.")
    if service.name == "telegram" and not plugin.targets:
        raise ValueError(f"Say which chat: {service.form}.")
    if service.name == "ntfy" and not plugin.topics:
        raise ValueError(f"Say which topic: {service.form}.")
    if service.name == "rocketchat" and plugin.mode != "webhook":
        raise ValueError(f"Of Rocket.Chat only incoming webhooks are taken: {service.form}.")
    if len(plugin) > 1:
        raise ValueError("It names several places: register a destination for each.")
    return plugin


def _incomplete(service: Service) -> str:
    return (
        f"Apprise does not take this for an address of {service.title}, which is written {service.form}; see {_FORMS}."
    )


def _unknown(schema: str) -> str:
    if channel := ELSEWHERE.get(schema):
        return f"{schema}:// is no chat: use the {channel} channel."
    near = did_you_mean(schema, SCHEMAS)
    return f"There is no chat service {schema[:40]}://.{near} There are {', '.join(f'{one}://' for one in SCHEMAS)}."
