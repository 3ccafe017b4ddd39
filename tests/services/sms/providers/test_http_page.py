"""The examples of docs/channels/http-sms.md work as they are printed."""

import asyncio
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from crier.sandbox import Sandbox
from services.sms.providers.http_gateway import HttpGateway
from services.sms.providers.http_settings import HttpGatewaySettings
from shared.errors import Rejected, SendError, Unavailable
from shared.messages.sms import SmsContent, SmsMessage
from shared.providers.port import Sent
from shared.settings import load_one

PAGE = (Path(__file__).parents[4] / "docs/channels/http-sms.md").read_text()
EXAMPLES = re.findall(r"```sh\n(.*?)```\n.*?```http\n(\w+) (\S+?)(?:\?\S*)?\n", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox(tmp_path_factory.mktemp("sandbox"), durable=False) as sandbox:
        yield sandbox


def settings(exports: str, sandbox: Sandbox) -> HttpGatewaySettings:
    words = shlex.split(exports.replace("http://127.0.0.1:8420", sandbox.url))
    environ = dict(word.split("=", 1) for word in words if word != "export")
    return load_one(HttpGatewaySettings, environ)


def send(configured: HttpGatewaySettings, to: str) -> Sent | SendError:
    async def main() -> Sent | SendError:
        provider = HttpGateway(configured)
        try:
            return await provider.send(SmsMessage(uuid4(), to, SmsContent("Hello"), sender="Crier", validity=600))
        except SendError as error:
            return error
        finally:
            await provider.close()

    return asyncio.run(main())


def test_there_are_two_examples() -> None:
    assert [method for _, method, _ in EXAMPLES] == ["POST", "GET"]


@pytest.mark.parametrize(("exports", "method", "path"), EXAMPLES, ids=["first", "second"])
def test_an_example_sends(sandbox: Sandbox, exports: str, method: str, path: str) -> None:
    sandbox.clear()
    sent = send(settings(exports, sandbox), "+447700900123")
    [entry] = sandbox.calls("http")
    assert entry.accepted
    assert isinstance(sent, Sent)
    assert sent.reference == entry.reference
    assert (entry.received["method"], str(entry.received["path"]).partition("?")[0]) == (method, path)


def test_the_second_tells_the_vendors_codes_apart(sandbox: Sandbox) -> None:
    configured = settings(EXAMPLES[1][0], sandbox)
    gone, later = send(configured, "+15005550009"), send(configured, "+15005550503")
    assert isinstance(gone, Rejected)
    assert gone.target_is_dead
    assert isinstance(later, Unavailable)


def test_every_variable_is_on_the_page() -> None:
    declared = {field.metadata["variable"] for field in HttpGatewaySettings.__dataclass_fields__.values()}
    assert declared == set(re.findall(r"SMS_API_\w+", PAGE))
