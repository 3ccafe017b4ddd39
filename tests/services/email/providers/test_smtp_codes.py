"""Reply codes, one by one."""

import pytest

from services.email.providers.smtp_codes import outcome
from shared.errors import Rejected, SendError, Unavailable


@pytest.mark.parametrize(
    ("code", "text", "kind", "mark"),
    [
        (421, "4.3.2 shutting down", Unavailable, ""),
        (450, "mailbox busy", Unavailable, ""),
        (451, "4.7.1 greylisted", Unavailable, ""),
        (452, "4.2.2 over quota", Unavailable, ""),
        (454, "4.7.0 temporary authentication failure", Unavailable, "fault"),
        (530, "5.7.0 authentication required", Unavailable, "fault"),
        (534, "5.7.9 mechanism too weak", Unavailable, "fault"),
        (535, "5.7.8 bad credentials", Unavailable, "fault"),
        (500, "unknown command", Rejected, ""),
        (504, "5.5.4 parameter", Rejected, ""),
        (550, "5.1.1 <a@b.example>: user unknown", Rejected, "dead"),
        (550, "5.1.2 bad domain", Rejected, "dead"),
        (553, "5.1.3 bad syntax", Rejected, "dead"),
        (551, "5.1.6 moved away", Rejected, "dead"),
        (550, "5.1.10 null MX", Rejected, "dead"),
        (550, "5.1.11 something new", Rejected, ""),
        (550, "5.1.8 bad sender", Rejected, ""),
        (554, "5.1.1 after all", Rejected, ""),
        (550, "user unknown", Rejected, ""),
        (550, "5.2.1 disabled", Rejected, ""),
        (550, "5.7.1 spam", Rejected, ""),
        (552, "mailbox full", Unavailable, ""),
        (552, "5.2.2 mailbox full", Unavailable, ""),
        (554, "5.2.2 mailbox full", Unavailable, ""),
        (552, "5.3.4 too large", Rejected, ""),
        (554, "transaction failed", Rejected, ""),
        (599, "", Rejected, ""),
    ],
)
def test_what_a_reply_means(code: int, text: str, kind: type[SendError], mark: str) -> None:
    error = outcome(code, text, of_target=True)
    assert type(error) is kind
    assert getattr(error, "provider_fault", False) is (mark == "fault")
    assert getattr(error, "target_is_dead", False) is (mark == "dead")


def test_a_refusal_that_may_be_about_somebody_else_ends_no_address() -> None:
    error = outcome(550, "5.1.1 unknown", of_target=False)
    assert isinstance(error, Rejected)
    assert not error.target_is_dead


@pytest.mark.parametrize(
    ("code", "text", "blames"),
    [
        (450, "mailbox busy", "nobody"), (452, "4.2.2 over quota", "nobody"), (552, "mailbox full", "nobody"),
        (450, "4.1.2 no such domain for now", "destination"), (451, "4.4.1 no answer", "destination"),
        (451, "4.7.1 greylisted", "destination"), (450, "4.1.8 the sender's domain", "provider"),
        (421, "4.7.0 too many connections", "provider"), (451, "4.3.0 local error", "provider"),
    ],
)  # fmt: skip
def test_whom_a_reply_speaks_against(code: int, text: str, blames: str) -> None:
    error = outcome(code, text, of_target=True)
    assert isinstance(error, Unavailable)
    assert error.blames == blames
    of_somebody = outcome(code, text, of_target=False)
    assert isinstance(of_somebody, Unavailable)
    assert of_somebody.blames == "provider"


def test_the_code_and_the_servers_words_are_kept() -> None:
    error = outcome(550, "5.1.1 <a@b.example>: user unknown", of_target=True)
    assert (error.code, error.reason) == ("550 5.1.1", "<a@b.example>: user unknown")
