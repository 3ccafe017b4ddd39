"""Access tokens for Google's APIs, by a service account's key.

https://developers.google.com/identity/protocols/oauth2/service-account. google-auth signs and asks, and blocks while
it does, so a refresh runs in a thread: one at a time, for everybody who waits.
"""

import asyncio
import json
import logging
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import requests
from google.auth.credentials import TokenState
from google.auth.exceptions import GoogleAuthError, RefreshError
from google.auth.transport.requests import Request
from google.oauth2.service_account import Credentials

from shared.errors import Unavailable
from shared.providers.port import CONNECT_TIMEOUT

# At DEBUG it writes requests down, and with them the signed assertion, which is as good as the key for an hour.
logging.getLogger("google.auth.transport.requests").setLevel(logging.INFO)

_REQUIRED = ("project_id", "client_email", "private_key", "token_uri")
_REMEDY = "Download a service account's key: Firebase console, Project settings, Service accounts."


def service_account_file(path: Path) -> str | None:
    """A settings check: what is wrong with a file that should hold a service account's key."""
    try:
        account = json.loads(path.read_bytes())
    except OSError as error:
        return f"names {path}, which cannot be read: {error.strerror}. {_REMEDY}"
    except ValueError:
        return f"names {path}, which is not JSON. {_REMEDY}"
    if not isinstance(account, dict) or account.get("type") != "service_account":
        return f"names {path}, which holds {_found(account)}, not a service account's key. {_REMEDY}"
    if missing := [name for name in _REQUIRED if not account.get(name)]:
        return f"names {path}, a service account's key without {', '.join(missing)}. {_REMEDY}"
    try:
        Credentials.from_service_account_info(account)
    except ValueError:
        return f"names {path}, whose private_key cannot be read. {_REMEDY}"
    return None


def _found(account: Any) -> str:
    if not isinstance(account, dict):
        return f"a JSON {type(account).__name__}"
    if "project_info" in account:
        return "an Android app's configuration (google-services.json)"
    return f"type {account['type']!r}" if "type" in account else "no type"


class GoogleToken:
    """The current access token; kept until it nears its expiry.

    Parameters:
        account: the content of a service account's key file.
        scopes: what the token is for.
        patience: seconds to wait for one. Less than a call may take, or it would look as if something had been sent.
    """

    def __init__(self, account: Mapping[str, str], scopes: Sequence[str], *, patience: float = CONNECT_TIMEOUT) -> None:
        self._patience = patience
        self._credentials = Credentials.from_service_account_info(account, scopes=scopes)
        session = requests.Session()
        session.trust_env = False
        session.max_redirects = 0
        self._request = partial(Request(session), timeout=patience)
        self._refreshing: asyncio.Task[None] | None = None

    async def get(self) -> str:
        """A token that is good for some minutes at least.

        Raises:
            Unavailable: there is none to be had.
        """
        state = self._credentials.token_state
        if state is not TokenState.FRESH:
            refreshing = self._refresh()
            if state is TokenState.INVALID:
                await self._wait_for(refreshing)
        return str(self._credentials.token)

    async def renew(self, refused: str) -> str:
        """Another token than `refused`, which Google no longer takes; raises as `get` does."""
        if self._credentials.token == refused:
            await self._wait_for(self._refresh())
        return str(self._credentials.token)

    def _refresh(self) -> asyncio.Task[None]:
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = asyncio.create_task(asyncio.to_thread(self._credentials.refresh, self._request))
            # A failure is told to those who wait; a refresh ahead of time has nobody who does.
            self._refreshing.add_done_callback(lambda task: task.cancelled() or task.exception())
        return self._refreshing

    async def _wait_for(self, refreshing: asyncio.Task[None]) -> None:
        try:
            async with asyncio.timeout(self._patience):
                await asyncio.shield(refreshing)
        except TimeoutError:
            raise Unavailable(f"no access token from Google within {self._patience:g} s") from None
        except RefreshError as error:
            reason = f"Google gives no access token: {str(error.args[0])[:200]}"
            raise Unavailable(reason, provider_fault=not error.retryable) from None
        except (GoogleAuthError, OSError) as error:
            raise Unavailable(f"Google's token endpoint cannot be reached ({type(error).__name__})") from None
        except (LookupError, TypeError, ValueError):
            # google-auth takes every 200 for an answer of Google's, and stumbles over what is none.
            raise Unavailable("Google's token endpoint answered what is no token") from None
