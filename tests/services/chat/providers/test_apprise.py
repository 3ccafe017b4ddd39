"""What only the chat provider has, against the stand-ins over the network: forms, mentions, lengths, and its reach."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest
from aiohttp import web

from crier.sandbox import Sandbox
from crier.sandbox.chat import Discord, Slack, Teams, Telegram
from crier.sandbox.chat.slack import BOT_TOKEN
from services.chat.providers.apprise import AppriseChat, AppriseSettings
from shared.errors import Ambiguous, Rejected, SendError, Unavailable
from shared.messages.chat import ChatContent, ChatMessage
from shared.providers.port import Sent
from shared.settings import load_one

LOOPBACK: dict[str, Any] = {"allow_http": True, "allowed": ("127.0.0.0/8",)}
ADDRESSES = {
    "slack": Slack.url("BOPS"), "discord": Discord.url("ops"), "telegram": Telegram.url("ops"),
    "teams": Teams.url("a" * 32),
}  # fmt: skip
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def message(service: str, content: ChatContent, url: str | None = None, deadline: float = 8.0) -> ChatMessage:
    return ChatMessage(uuid4(), "d", content, service=service, url=url or ADDRESSES[service], deadline=deadline)


async def sent(settings: AppriseSettings, *messages: ChatMessage) -> list[Sent | SendError]:
    provider = AppriseChat(settings)
    try:
        return [await _outcome(provider, one) for one in messages]
    finally:
        await provider.close()


async def _outcome(provider: AppriseChat, one: ChatMessage) -> Sent | SendError:
    try:
        return await provider.send(one)
    except SendError as error:
        return error


def through(sandbox: Sandbox, service: str, content: ChatContent, url: str | None = None) -> tuple[Any, Any]:
    """What became of a message, and what the stand-in received."""
    settings = load_one(AppriseSettings, sandbox.environment)
    [outcome] = asyncio.run(sent(settings, message(service, content, url)))
    [entry] = sandbox.calls(service)
    return outcome, json.loads(entry.received["body"])


def served(handler: Handler, url: Callable[[str, int], str], **fields: Any) -> tuple[Sent | SendError, list[str]]:
    """What became of a message to a server of one's own, and the paths it was asked for."""
    asked: list[str] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        return await handler(request)

    async def main() -> Sent | SendError:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handle)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        try:
            one = message("json", ChatContent("Hello"), url("127.0.0.1", port), **fields)
            return (await sent(AppriseSettings(**LOOPBACK), one))[0]
        finally:
            await runner.cleanup()

    return asyncio.run(main()), asked


async def _ok(_: web.Request) -> web.StreamResponse:
    return web.Response(text="secrets of an inner server")


def of_ones_own(host: str, port: int) -> str:
    return f"json://{host}:{port}/hook"


def test_a_level_is_a_colour(sandbox: Sandbox) -> None:
    _, good = through(sandbox, "slack", ChatContent("Done", level="success"))
    sandbox.clear()
    _, bad = through(sandbox, "slack", ChatContent("Broken", level="failure"))
    assert good["attachments"][0]["color"] != bad["attachments"][0]["color"]
    assert "username" not in good
    assert "icon_url" not in good


def test_markdown_is_said_in_each_services_own_way(sandbox: Sandbox) -> None:
    content = ChatContent("**Slow**: see [the board](https://e.example/a_b)\n\n- 3\\_ms", "A_title", "markdown")
    _, slack = through(sandbox, "slack", content)
    assert slack["attachments"][0]["text"].startswith("*Slow*: see <https://e.example/a_b|the board>")
    assert slack["attachments"][0]["title"] == "A_title"
    _, discord = through(sandbox, "discord", content)
    assert discord["embeds"][0]["description"] == content.body
    _, telegram = through(sandbox, "telegram", content)
    assert telegram["parse_mode"] == "MarkdownV2"
    assert telegram["text"].startswith("*A\\_title*\n*Slow*: see [the board](https://e.example/a_b)")
    _, teams = through(sandbox, "teams", content)
    assert [block["text"] for block in teams["attachments"][0]["content"]["body"]] == ["A\\_title", content.body]


def test_html_arrives_as_markup(sandbox: Sandbox) -> None:
    content = ChatContent("<p><b>Slow</b> &amp; <a href='https://e.example/'>here</a></p>", format="html")
    _, slack = through(sandbox, "slack", content)
    assert slack["attachments"][0]["text"] == "*Slow* &amp; <https://e.example/|here>"
    _, discord = through(sandbox, "discord", content)
    assert "**Slow**" in discord["embeds"][0]["description"]


@pytest.mark.parametrize("form", ["text", "markdown", "html"])
def test_whoever_wrote_it_nobody_is_pinged(sandbox: Sandbox, form: Any) -> None:
    content = ChatContent("@everyone <!channel> <@U123> hi!x> <at>ada</at> \\<!here>", "@here <!all>", form)
    _, slack = through(sandbox, "slack", content)
    said = json.dumps(slack)
    assert "<!" not in said
    assert "<@" not in said
    _, discord = through(sandbox, "discord", content)
    assert discord["allowed_mentions"] == {"parse": []}
    assert "content" not in discord
    _, teams = through(sandbox, "teams", content)
    assert "entities" not in teams["attachments"][0]["content"]["msteams"]
    for body in (slack, discord, teams):
        assert "@everyone" not in json.dumps(body, ensure_ascii=False)


@pytest.mark.parametrize(
    ("service", "most"), [("slack", 10_000), ("discord", 4096), ("telegram", 4096), ("teams", 4096)]
)
def test_what_is_too_long_is_cut_off_in_one_message_and_it_is_said(sandbox: Sandbox, service: str, most: int) -> None:
    outcome, _ = through(sandbox, service, ChatContent("word " * 1999 + "."))
    assert isinstance(outcome, Sent)
    [entry] = sandbox.calls(service)
    text = sandbox.preview(entry).text
    assert len(text) <= most
    assert text.endswith("…") is outcome.detail.endswith("The end was cut off.") is (most < 9000)


def test_a_bot_posts_to_a_channel(sandbox: Sandbox) -> None:
    outcome, body = through(sandbox, "slack", ChatContent("Hello"), f"slack://{BOT_TOKEN}/ops")
    assert isinstance(outcome, Sent)
    assert outcome.reference
    assert body["channel"] == "#ops"


def test_the_api_refuses_with_a_200(sandbox: Sandbox) -> None:
    outcome, _ = through(sandbox, "slack", ChatContent("Hello"), f"slack://{BOT_TOKEN}0/ops")
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.alert) == ("invalid_auth", True)


def test_a_server_of_ones_own_is_believed_by_its_status_and_not_quoted() -> None:
    taken, asked = served(_ok, of_ones_own)
    assert isinstance(taken, Sent)
    assert asked == ["/hook"]

    async def no(_: web.Request) -> web.StreamResponse:
        return web.json_response({"message": "secrets of an inner server"}, status=400)

    refused, _ = served(no, of_ones_own)
    assert isinstance(refused, Rejected)
    assert "secrets" not in refused.reason + taken.detail


def test_silence_is_the_destinations_and_a_doubt() -> None:
    async def never(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(60)
        raise AssertionError

    outcome, asked = served(never, of_ones_own, deadline=0.3)
    assert isinstance(outcome, Ambiguous)
    assert (outcome.code, outcome.blames, asked) == ("timeout", "destination", ["/hook"])


@pytest.mark.parametrize(
    "url",
    ["json://127.0.0.1:9/x", "json://169.254.169.254/x", "mmosts://localhost:9000/3ccdd113474722377935511fc85d3dd4"],
)
def test_what_leads_inwards_is_not_called_whatever_was_registered(url: str) -> None:
    service = "mattermost" if url.startswith("mm") else "json"
    [outcome] = asyncio.run(sent(AppriseSettings(allow_http=True), message(service, ChatContent("Hello"), url)))
    assert isinstance(outcome, Rejected | Unavailable)
    assert "not a public address" in outcome.reason


def test_an_address_that_apprise_no_longer_takes_is_refused() -> None:
    [outcome] = asyncio.run(sent(AppriseSettings(), message("slack", ChatContent("Hello"), "slack://canary-7d1f")))
    assert isinstance(outcome, Rejected)
    assert outcome.code == "address"
    assert "canary" not in outcome.reason


def test_threads_of_plugins_that_wait_in_vain_come_back() -> None:
    async def never(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(60)
        raise AssertionError

    async def main() -> list[Sent | SendError]:
        app = web.Application()
        app.router.add_post("/hang", never)
        app.router.add_post("/hook", _ok)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        provider = AppriseChat(AppriseSettings(**LOOPBACK))
        hang = message("json", ChatContent("Hello"), f"json://127.0.0.1:{port}/hang", deadline=0.3)
        hook = message("json", ChatContent("Hello"), f"json://127.0.0.1:{port}/hook")
        try:
            first = await asyncio.gather(*(_outcome(provider, hang) for _ in range(provider.concurrency)))
            return [*first, *await asyncio.gather(*(_outcome(provider, hook) for _ in range(provider.concurrency)))]
        finally:
            await provider.close()
            await runner.cleanup()

    outcomes = asyncio.run(main())
    half = len(outcomes) // 2
    assert {type(one) for one in outcomes[:half]} == {Ambiguous}
    assert {type(one) for one in outcomes[half:]} == {Sent}
