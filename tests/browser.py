"""A real browser for tests: Chromium without a window, told what to do by the DevTools protocol.

https://chromedevtools.github.io/devtools-protocol/
"""

import asyncio
import base64
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
T = TypeVar("T")


def program() -> str:
    """Where Chromium is; without one the test is skipped, except in CI."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        if os.environ.get("CI"):
            raise RuntimeError("There is no Chromium: apt-get install chromium.")
        pytest.skip("There is no Chromium on the PATH: apt-get install chromium.")
    return found


class Page:
    """A tab.

    Attributes:
        problems: what the page complained of: errors of scripts, and what its policy forbade.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._loop = loop
        self._socket = socket
        self._number = 0
        self.problems: list[str] = []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self(f"{domain}.enable")

    def __call__(self, method: str, **parameters: Any) -> Any:
        """One command; what it answers."""
        return self._loop.run_until_complete(asyncio.wait_for(self._send(method, parameters), 20))

    async def _send(self, method: str, parameters: dict[str, Any]) -> Any:
        self._number += 1
        await self._socket.send_json({"id": self._number, "method": method, "params": parameters})
        while True:
            answer = json.loads((await self._socket.receive()).data)
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self._note(answer)

    def _note(self, event: dict[str, Any]) -> None:
        told = event.get("params", {})
        if event.get("method") == "Runtime.exceptionThrown":
            details = told["exceptionDetails"]
            self.problems.append(details.get("exception", {}).get("description") or details["text"])
        if event.get("method") == "Log.entryAdded" and told["entry"]["level"] == "error":
            self.problems.append(f"{told['entry']['text']} {told['entry'].get('url', '')}")

    def look(self, width: int = 1280, height: int = 800, *, dark: bool = False, phone: bool = False) -> None:
        """Be a window of this size."""
        self(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=2 if phone else 1, mobile=phone,
        )  # fmt: skip
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self("Emulation.setEmulatedMedia", features=features)

    def go(self, url: str) -> None:
        """Open an address."""
        self("Page.navigate", url=url)

    def js(self, expression: str) -> Any:
        """The value of an expression, awaited."""
        answer = self("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"]["exception"]["description"])
        return answer["result"].get("value")

    def until(self, expression: str, wanted: Any = True, seconds: float = 20) -> None:
        """Wait until an expression has this value."""
        end, found = time.monotonic() + seconds, None
        while time.monotonic() < end:
            try:
                if (found := self.js(expression)) == wanted:
                    return
            except RuntimeError as error:
                found = error
            time.sleep(0.03)
        raise AssertionError(f"{expression} is {found!r} instead of {wanted!r}; problems: {self.problems}")

    def key(self, key: str, **more: Any) -> None:
        """Press and release a key, e.g. `Escape`."""
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            code = {
                "Tab": 9,
                "Enter": 13,
                "Escape": 27,
                "ArrowLeft": 37,
                "ArrowUp": 38,
                "ArrowRight": 39,
                "ArrowDown": 40,
            }
            self("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code[key],
                 **(text if kind == "keyDown" else {}), **more)  # fmt: skip

    def picture(self, path: Path) -> None:
        """Keep what is to be seen as a PNG."""
        path.write_bytes(base64.b64decode(self("Page.captureScreenshot", format="png")["data"]))


class Chromium:
    """A running browser. `with Chromium(folder) as page`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._loop = asyncio.new_event_loop()

    def __enter__(self) -> Page:
        port = self._folder / "DevToolsActivePort"
        options = (
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-port=0",
            "--no-first-run", "--hide-scrollbars", "--disable-background-networking", "--mute-audio",
            f"--user-data-dir={self._folder}",
        )  # fmt: skip
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen([program(), *options, "about:blank"], stdout=log, stderr=log)
        _wait(lambda: port.exists() and port.read_text().count("\n") == 1)
        return Page(self._loop, self._loop.run_until_complete(self._connect(port.read_text().split("\n")[0])))

    async def _connect(self, port: str) -> aiohttp.ClientWebSocketResponse:
        self._session = aiohttp.ClientSession()
        async with self._session.get(f"http://127.0.0.1:{port}/json/list") as answer:
            tab = next(each for each in await answer.json() if each["type"] == "page")
        return await self._session.ws_connect(tab["webSocketDebuggerUrl"], max_msg_size=0)

    def __exit__(self, *_: object) -> None:
        self._loop.run_until_complete(self._session.close())
        self._loop.close()
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)


def _wait(done: Callable[[], T]) -> None:
    end = time.monotonic() + 60
    while not done():
        if time.monotonic() > end:
            raise AssertionError("Chromium did not start.")
        time.sleep(0.02)
