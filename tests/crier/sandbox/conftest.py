"""A sandbox that serves all the tests of this folder, as new for each of them; and the vendors' own clients for it."""

import ssl
from collections.abc import Iterator
from smtplib import SMTP

import pytest
from google.auth.transport.requests import AuthorizedSession
from google.oauth2 import service_account
from twilio.rest import Client

from crier.sandbox import Sandbox
from tests.crier.sandbox.clients import FIREBASE_SCOPE, twilio_client
from tests.crier.sandbox.receiver import Receiver, receiving


@pytest.fixture(scope="session")
def running_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox(tmp_path_factory.mktemp("sandbox")) as sandbox:
        yield sandbox


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Somebody the stand-ins can report to."""
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def twilio(sandbox: Sandbox) -> Client:
    return twilio_client(sandbox)


@pytest.fixture
def messages_url(sandbox: Sandbox) -> str:
    settings = sandbox.environment
    return f"{settings['TWILIO_BASE_URL']}/2010-04-01/Accounts/{settings['TWILIO_ACCOUNT_SID']}/Messages.json"


@pytest.fixture
def twilio_auth(sandbox: Sandbox) -> tuple[str, str]:
    return sandbox.environment["TWILIO_ACCOUNT_SID"], sandbox.environment["TWILIO_AUTH_TOKEN"]


@pytest.fixture
def firebase(sandbox: Sandbox) -> AuthorizedSession:
    """A session that gets its access token as google-auth does, and refreshes it on 401."""
    path = sandbox.environment["FIREBASE_CREDENTIALS_PATH"]
    credentials = service_account.Credentials.from_service_account_file(path, scopes=[FIREBASE_SCOPE])
    return AuthorizedSession(credentials)


@pytest.fixture
def send_url(sandbox: Sandbox) -> str:
    return f"{sandbox.environment['FCM_BASE_URL']}/v1/projects/crier-sandbox/messages:send"


@pytest.fixture
def trust(sandbox: Sandbox) -> ssl.SSLContext:
    """A context that trusts the sandbox's authority and nothing else."""
    return ssl.create_default_context(cafile=sandbox.environment["SMTP_CA_FILE"])


@pytest.fixture
def smtp(sandbox: Sandbox, trust: ssl.SSLContext) -> Iterator[SMTP]:
    """A client that has logged in over STARTTLS."""
    client = SMTP("127.0.0.1", sandbox.ports.smtp, timeout=10)
    client.starttls(context=trust)
    client.login(sandbox.environment["SMTP_USERNAME"], sandbox.environment["SMTP_PASSWORD"])
    yield client
    client.close()
