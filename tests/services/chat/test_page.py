"""docs/channels/chat.md: its tables are those of the code."""

import re
from pathlib import Path

from crier.sandbox.chat import Slack
from services.chat.providers.answers import GONE
from shared.chat.services import SERVICES
from shared.messages.chat import FORMATS, LEVELS, MAX_BODY

PAGE = (Path(__file__).parents[3] / "docs/channels/chat.md").read_text()


def test_every_service_is_there_with_its_form_and_its_options() -> None:
    rows = dict(re.findall(r"^\| ([^|`]+) \| (.*`\w+://.*) \|$", PAGE, re.MULTILINE))
    assert len(rows) == len(SERVICES)
    for service in SERVICES.values():
        title = "a server of your own" if service.name == "json" else service.title
        assert service.form.split(",")[0].strip() in rows[title]
    told = set(re.findall(r"`\?([\w-]+)=", PAGE))
    # Those that people have in a URL which was copied, or that say what a URL is.
    silent = {"mode", "pa", "powerautomate", "route", "routeid", "ver", "api-version", "thread", "auth", "channels"}
    assert told <= set().union(*(service.options for service in SERVICES.values())) <= told | silent


def test_what_it_says_of_content_and_answers_is_so() -> None:
    assert f"at most {MAX_BODY:,} characters" in PAGE
    assert all(f"`{word}`" in PAGE for word in (*FORMATS, *LEVELS))
    assert ", ".join(map(str, sorted(GONE))) in PAGE


def test_the_address_to_try_is_the_sandboxs() -> None:
    assert Slack.url("BOPS") in PAGE
