"""Addresses of chat destinations: what is taken, what is refused and with which remedy; and nothing is repeated."""

import re

import pytest

from shared.chat.addresses import open_plugin, read
from shared.chat.services import ELSEWHERE, SCHEMAS, SERVICES
from shared.ssrf import Reach

CANARY = "canary7d1fcanary7d1f"
TEAMS = "643e69f83c8944438d68119179a10a64"
WORKFLOW = f"https://prod-1.westeurope.logic.azure.com:443/workflows/{TEAMS}/triggers/manual/paths/invoke"
GOOD = {
    f"slack://T1JJ3T3L2/A1BRTD4JD/{CANARY}": ("slack", "slack://…"),
    f"https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/{CANARY}": ("slack", "slack://…"),
    f"slack://xoxb-1234-1234-{CANARY}/ops": ("slack", "slack://…"),
    f"discord://4174216298/{CANARY}?thread=12": ("discord", "discord://…"),
    f"https://discord.com/api/webhooks/4174216298/{CANARY}": ("discord", "discord://…"),
    f"tgram://123456789:{CANARY}/-1001": ("telegram", "tgram://…"),
    f"workflows://prod-1.westeurope.logic.azure.com:443/{TEAMS}/{CANARY}": (
        "teams", "workflows://prod-1.westeurope.logic.azure.com:443/…",
    ),
    f"{WORKFLOW}?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig={CANARY}": (
        "teams", "workflows://prod-1.westeurope.logic.azure.com:443/…",
    ),
    f"https://discord.com/api/webhooks/4174216299/{CANARY}?wait=true": ("discord", "discord://…"),
    f"https://chat.googleapis.com/v1/spaces/ws/messages?key=mykey&token={CANARY}&threadKey=a": (
        "googlechat", "gchat://…",
    ),
    f"https://webexapis.com/v1/webhooks/incoming/{CANARY * 4}": ("webex", "wxteams://…"),
    f"https://mattermost.nowhere.invalid/hooks/{CANARY}": ("mattermost", "mmosts://mattermost.nowhere.invalid/…"),
    f"gchat://workspace/key/{CANARY}": ("googlechat", "gchat://…"),
    f"webex://{CANARY * 4}": ("webex", "webex://…"),
    f"zulip://bot@org/{CANARY}{CANARY[:12]}/general": ("zulip", "zulip://…"),
    f"mmosts://chat.nowhere.invalid/{CANARY}": ("mattermost", "mmosts://chat.nowhere.invalid/…"),
    f"rockets://web/{CANARY}@chat.nowhere.invalid": ("rocketchat", "rockets://chat.nowhere.invalid/…"),
    f"nctalks://ada:{CANARY}@cloud.nowhere.invalid/room": ("nextcloudtalk", "nctalks://cloud.nowhere.invalid/…"),
    f"synologys://nas.nowhere.invalid:5001/{CANARY}": ("synology", "synologys://nas.nowhere.invalid:5001/…"),
    f"ntfys://ntfy.nowhere.invalid/{CANARY}": ("ntfy", "ntfys://ntfy.nowhere.invalid/…"),
    f"ntfys://{CANARY}": ("ntfy", "ntfys://ntfy.sh/…"),
    f"ntfy://{CANARY}/": ("ntfy", "ntfys://ntfy.sh/…"),
    f"ntfys://ada:{CANARY}@{CANARY}?tags=boat": ("ntfy", "ntfys://ntfy.sh/…"),
    f"https://ntfy.sh/{CANARY}": ("ntfy", "ntfys://ntfy.sh/…"),
    f"ntfys://ntfy.sh/{CANARY}": ("ntfy", "ntfys://ntfy.sh/…"),
    f"gotifys://gotify.nowhere.invalid/{CANARY}": ("gotify", "gotifys://gotify.nowhere.invalid/…"),
    f"jsons://hooks.nowhere.invalid/{CANARY}": ("json", "jsons://hooks.nowhere.invalid/…"),
}  # fmt: skip


@pytest.mark.parametrize("url", GOOD)
def test_an_address_is_known_for_what_it_is_and_shown_without_its_tokens(url: str) -> None:
    address = read(f"  {url}\n", Reach())
    assert (address.service, address.masked) == GOOD[url]
    assert address.url == url
    assert CANARY not in repr(address)
    assert open_plugin(address.url)[0].name == address.service


@pytest.mark.parametrize("url", GOOD)
def test_nothing_of_an_address_is_shown_or_looked_up_but_its_server(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def resolve(host: str, *_: object, **__: object) -> list[object]:
        asked.append(host)
        return []

    monkeypatch.setattr("socket.getaddrinfo", resolve)
    address = read(url, Reach())
    schema, _, shown = address.masked.partition("://")
    server = shown.partition("/")[0].partition(":")[0]
    assert schema in SCHEMAS
    assert set(asked) <= {server}
    assert CANARY not in address.masked


def test_every_service_has_an_address_that_is_tried() -> None:
    assert {service for service, _ in GOOD.values()} == set(SERVICES)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (f"mailto://ada:{CANARY}@example.com", "mailto:// is no chat: use the email channel."),
        (f"twilio://{CANARY}:{CANARY}@+15005550006", "use the sms channel"),
        (f"fcm://project/{CANARY}", "use the push channel"),
        (f"slak://{CANARY}", "There is no chat service slak://. Did you mean slack?"),
        ("file:///etc/passwd", "There is no chat service file://"),
        ("syslog://", "There is no chat service syslog://"),
        ("dbus://", "There is no chat service dbus://"),
        (f"apprise://host/{CANARY}", "There is no chat service apprise://"),
        (CANARY, "Must be an Apprise URL"),
        (f"slack://T1JJ3T3L2/{CANARY} x", "without spaces"),
        (f"slack://{CANARY}" * 60, "May have 1000 characters"),
        (f"discord://{CANARY}", "Apprise does not take this for an address of Discord, which is written discord://WEB"),
        ("discord://4174216298/!?", "an address of Discord"),
        (f"tgram://123456789:{CANARY}", "Say which chat: tgram://BOT_TOKEN/CHAT_ID"),
        (f"tgram://123456789:{CANARY}/1/2", "It names several places: register a destination for each."),
        ("ntfys://ntfy.sh", "Say which topic: ntfys://HOST/TOPIC"),
        (f"slack://xoxb-1234-{CANARY}/a/b", "It names several places"),
        (f"slack://xoxb-1234-{CANARY}/#a", "Must not have a #: write a channel without it"),
        (f"https://example.com/{CANARY}", "write jsons:// instead of https://"),
        (f"http://example.com/{CANARY}", "There is no chat service http://"),
        # Options of Apprise's that would read files, or look away.
        (f"discord://4174216298/{CANARY}?template=/etc/passwd", "Discord may have href, thread; not template."),
        (f"slack://T1JJ3T3L2/A1BRTD4JD/{CANARY}?template=file:///etc/passwd", "not template"),
        (f"tgram://123456789:{CANARY}/1?template=/etc/passwd", "not template"),
        (f"workflows://example.com/{TEAMS}/{CANARY}?template=/etc/passwd", "not template"),
        (f"jsons://example.com/{CANARY}?verify=no", "has no options; not verify."),
        (f"jsons://example.com/{CANARY}?method=DELETE", "not method"),
        (f"jsons://example.com/{CANARY}?+X-Forwarded-For=127.0.0.1", "has no options; not +"),
        (f"discord://4174216298/{CANARY}?ping=@everyone", "not ping"),
        (f"ntfys://example.com/{CANARY}?attach=http://169.254.169.254/", "not attach"),
        (f"https://discord.com/api/webhooks/4174216298/{CANARY}?template=/etc/passwd", "not template"),
        (f"https://discord.com/api/webhooks/4174216298/{CANARY}?ping=@everyone", "not ping"),
        (f"https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/{CANARY}?template=/etc/passwd", "not template"),
        (f"https://ntfy.sh/{CANARY}?attach=http://169.254.169.254/", "not attach"),
        (f"{WORKFLOW}?api-version=1&sp=%2Ft&sv=1.0&sig={CANARY}&template=/etc/passwd", "not template"),
        # Whose server it is.
        (f"mmosts://127.0.0.1/{CANARY}", "127.0.0.1 is not a public address"),
        (f"jsons://169.254.169.254/{CANARY}", "169.254.169.254 is not a public address"),
        (f"jsons://[::ffff:127.0.0.1]/{CANARY}", "address"),
        (f"jsons://0x7f.1/{CANARY}", "Apprise does not take this"),
        (f"jsons://localhost/{CANARY}", "localhost leads to an address that is not allowed"),
        (f"ntfys://10.0.0.1:22/{CANARY}", "10.0.0.1 is not a public address"),
        (f"workflows://127.0.0.1/{TEAMS}/{CANARY}", "127.0.0.1 is not a public address"),
        (f"json://example.com/{CANARY}", "json:// is not encrypted: write jsons://"),
        (f"mmost://example.com/{CANARY}", "mmost:// is not encrypted"),
        (f"rockets://ada:{CANARY}@example.com/ops", "Rocket.Chat"),
    ],
)  # fmt: skip
def test_what_is_refused_says_why_and_nothing_of_the_address(url: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)) as caught:
        read(url, Reach())
    assert CANARY not in str(caught.value)
    assert caught.value.__cause__ is None


def test_networks_of_ones_own_are_reached_where_a_setting_says_so() -> None:
    reach = Reach(allow_http=True, allowed=("127.0.0.0/8",))
    assert read("json://127.0.0.1:8080/x", reach).masked == "json://127.0.0.1:8080/…"
    with pytest.raises(ValueError, match=r"10\.0\.0\.1 is not a public address"):
        read("json://10.0.0.1:8080/x", reach)


def test_no_schema_is_of_two_minds() -> None:
    assert not ELSEWHERE.keys() & SCHEMAS.keys()
