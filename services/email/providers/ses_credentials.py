"""The key a call to SES is signed with: the settings' own, or what boto3 finds where AWS puts credentials."""

import asyncio
from functools import cached_property

from boto3.session import Session
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import BotoCoreError, ClientError

from services.email.providers.ses_settings import SesSettings
from shared.errors import Unavailable
from shared.providers.outcomes import FAULT


class SesCredentials:
    """A key that is good for now. A role's ends after some hours, and boto3 renews it in time.

    Parameters:
        patience: seconds to wait for what boto3 finds.
    """

    def __init__(self, settings: SesSettings, patience: float) -> None:
        self._settings = settings
        self._patience = patience

    async def now(self) -> ReadOnlyCredentials:
        """The key.

        Raises:
            Unavailable: there is none. Nothing has been sent, so the call may be repeated.
        """
        given = self._settings
        if given.access_key_id:
            return ReadOnlyCredentials(given.access_key_id, given.secret_access_key, given.session_token)
        try:
            async with asyncio.timeout(self._patience):
                found = await asyncio.to_thread(self._find)
        except TimeoutError:
            raise Unavailable(f"no AWS credentials within {self._patience:g} s") from None
        except (BotoCoreError, ClientError) as error:
            raise FAULT(f"There are no AWS credentials to be had: {error}") from None
        if found is None:
            raise FAULT("There are no AWS credentials: set AWS_ACCESS_KEY_ID, or give this machine a role.")
        return found

    def _find(self) -> ReadOnlyCredentials | None:
        found = self._session.get_credentials()
        return found and found.get_frozen_credentials()

    @cached_property
    def _session(self) -> Session:
        # Made when it is needed: it reads AWS's files, which a key of the settings has no use for.
        return Session()
