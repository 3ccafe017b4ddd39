"""A caller as they should be: a key for every request, repeated under it until the answer is 202."""

import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import quantiles
from typing import Any

import requests

from chaos.seen import NotInTime

THREADS = 16
_PATIENCE = 150.0
_PAUSE = 0.2


@dataclass(frozen=True)
class Answer:
    """One try of one request.

    Parameters:
        at: when it was sent (Unix time); seconds: until the answer, or until there was none.
        status: None where the connection was refused or broke.
        retry_after: whether the answer said when to come back.
    """

    target: str
    at: float
    seconds: float
    status: int | None
    retry_after: bool = False


class Client:
    """Sends notifications over HTTP and keeps every answer.

    Attributes:
        accepted: the ids each target's 202s named; more than one id is a notification too many.
        answers: every try.
    """

    def __init__(self, url: str, api_key: str) -> None:
        self._url = url
        self.headers = {"Authorization": f"Bearer {api_key}"}
        self._of_thread = threading.local()
        self.accepted: dict[str, set[str]] = {}
        self.answers: list[Answer] = []

    def send(self, target: str, **fields: Any) -> str:
        """Send to `target` until it is accepted; the notification's id.

        Raises:
            NotInTime: it was not accepted for minutes, or was refused.
        """
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            response = self.try_once(target, **fields)
            if response is not None and response.status_code == 202:
                return str(response.json()["id"])
            if response is not None and response.status_code < 500 and response.status_code != 429:
                raise NotInTime(f"{target} was refused: {response.status_code} {response.text[:300]}")
            time.sleep(_PAUSE)
        raise NotInTime(f"{target} was not accepted for {_PATIENCE:g} s: {self.answers[-1]}")

    def try_once(self, target: str, **fields: Any) -> requests.Response | None:
        """One try; None where there was no answer."""
        began, at = time.monotonic(), time.time()
        headers = self.headers | {"Idempotency-Key": f"chaos {target}"}
        try:
            response = self._http.post(
                f"{self._url}/v1/notifications", json=request(target) | fields, headers=headers, timeout=20
            )
        except requests.RequestException:
            self.answers.append(Answer(target, at, time.monotonic() - began, None))
            return None
        said = "Retry-After" in response.headers
        self.answers.append(Answer(target, at, time.monotonic() - began, response.status_code, said))
        if response.status_code == 202:
            self.accepted.setdefault(target, set()).add(response.json()["id"])
        return response

    def send_all(self, targets: Iterable[str], **fields: Any) -> None:
        """Send to each, several at a time, until all are accepted."""
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(lambda target: self.send(target, **fields), targets))

    @contextmanager
    def load(self, targets: Iterable[str], rate: float, **fields: Any) -> Iterator[None]:
        """While the block runs, begin `rate` requests a second; at its end, wait until each was accepted."""
        end = threading.Event()
        sending: list[Any] = []
        with ThreadPoolExecutor(THREADS) as pool:

            def begin() -> None:
                due = time.monotonic()
                for target in targets:
                    due += 1 / rate
                    if end.wait(max(0.0, due - time.monotonic())):
                        return
                    sending.append(pool.submit(self.send, target, **fields))

            ticker = threading.Thread(target=begin, name="load", daemon=True)
            ticker.start()
            try:
                yield
            finally:
                end.set()
                ticker.join()
        for one in sending:
            one.result()

    @property
    def _http(self) -> requests.Session:
        if not hasattr(self._of_thread, "session"):
            self._of_thread.session = requests.Session()
        session: requests.Session = self._of_thread.session
        return session


def request(target: str) -> dict[str, Any]:
    """A plain notification to a number or an address."""
    if "@" in target:
        content = {"subject": "Your table", "text": "Your table is ready."}
        return {"channel": "email", "content": content, "to": {"email": target}}
    return {"channel": "sms", "content": {"body": "Your table is ready."}, "to": {"phone": target}}


def numbers(count: int, start: int = 0) -> list[str]:
    """Telephone numbers, all different."""
    return [f"+4477009{number:05d}" for number in range(start, start + count)]


def addresses(count: int, start: int = 0) -> list[str]:
    """Mail addresses, all different."""
    return [f"guest.{number}@example.com" for number in range(start, start + count)]


def p99(answers: Iterable[Answer]) -> float:
    """Seconds that 99 of 100 answers did not exceed."""
    times = [answer.seconds for answer in answers]
    return quantiles(times, n=100, method="inclusive")[98] if len(times) > 1 else max(times, default=0.0)
