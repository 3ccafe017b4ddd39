"""Prints `docs/outcomes.md`, made of the providers' tables: `python -m crier.outcomes_page`, or `make outcomes-doc`."""

import importlib
import sys
from collections.abc import Mapping
from typing import Any

from crier.settings_page import forget_environment
from shared.errors import Ambiguous, Rejected, SendError, Unavailable
from shared.http import Reply, refusal
from shared.providers.outcomes import SENDER, Row

INTRODUCTION = """\
# What providers' answers mean

Each row is one of a provider's table: its code, or a pattern of how its answer begins; what it says by that; what Crier
does; and where it is documented. What is in no table goes by the HTTP status. `make outcomes-doc` writes this page from
the tables, and the tests send every row through a stand-in.

*Rejected* ends the delivery, *later* tries it again, *unknown* asks the provider or follows the notification's policy.
What counts against the destination, or nobody, does not stop the provider for others. An alert tells the people who run
Crier.
"""

TABLES: Mapping[str, str] = {
    "SMTP": "services.email.providers.smtp_codes",
    "SendGrid": "services.email.providers.sendgrid_codes",
    "Mailgun": "services.email.providers.mailgun_codes",
    "Amazon SES": "services.email.providers.ses_codes",
    "Twilio": "shared.twilio.codes",
    "FCM": "services.push.providers.fcm_codes",
    "OneSignal": "services.push.providers.onesignal_codes",
    "Slack": "services.chat.providers.slack_codes",
    "Discord": "services.chat.providers.discord_codes",
    "Telegram": "services.chat.providers.telegram_codes",
}
"""Titles, and the modules with the tables. The codes of the HTTP gateway are settings."""

STATUSES = (301, 400, 401, 402, 403, 404, 405, 408, 413, 415, 422, 425, 429, 500, 502, 503, 504)
_SAID = {
    301: "redirects are not followed; the request is refused",
    401: "about the account",
    408: "not processed",
    429: "too many; as Retry-After says",
    500: "whether it was processed is not said; later where the vendor says that it was not",
}
_RFC = "https://www.rfc-editor.org/rfc/rfc9110#section-15"


def page() -> str:
    """The whole document."""
    sections = [INTRODUCTION, _by_status()]
    for title, name in TABLES.items():
        module = importlib.import_module(name)
        rows = [_row(str(code), row, module.SOURCE) for code, row in module.OUTCOMES.items()]
        sections.append(_section(f"{title}: `{name.replace('.', '/')}.py`", rows))
    return "\n".join(sections)


def _by_status() -> str:
    met: dict[str, list[int]] = {}
    for status in STATUSES:
        met.setdefault(done(refusal(Reply(status, {}, b""), "")), []).append(status)
    rows = [
        f"| {', '.join(f'`{status}`' for status in statuses)} | {_SAID.get(statuses[0], '')} | {did} | [page]({_RFC}) |"
        for did, statuses in met.items()
    ]
    return _section("HTTP: `shared/http.py`", rows)


def _section(title: str, rows: list[str]) -> str:
    return "\n".join(
        [f"## {title}", "", "| answer | what it says | what Crier does | source |", "|---|---|---|---|", *rows, ""]
    )


def _row(code: str, row: Row, source: str) -> str:
    where = (row.source or source).format(code=code)
    did = done(row(""))
    if row.outcome is SENDER:
        did += "; where a project chose the sender: " + done(row.for_sender(own=True)(""))
    return "| " + " | ".join((f"`{_cell(code)}`", _cell(row.means), did, f"[page]({where})")) + " |"


def done(error: SendError) -> str:
    """What Crier does about an error, in a few words."""
    match error:
        case Rejected():
            marks: Mapping[str, Any] = {
                "the target is suppressed": error.target_is_dead,
                "the recipient is suppressed for this sender": error.opted_out,
                "alert": error.alert,
            }
            return ", ".join(["rejected", *(words for words, marked in marks.items() if marked)])
        case Unavailable(provider_fault=True):
            return "later, by another provider; alert"
        case Unavailable():
            when = "later" if error.retry_after is None else f"after {error.retry_after:g} s"
            return when if error.blames == "provider" else f"{when}, counts against {_blamed(error.blames)}"
        case Ambiguous():
            return "unknown"
    raise AssertionError(error)


def _blamed(blames: str) -> str:
    return "the destination" if blames == "destination" else blames


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    forget_environment()
    sys.stdout.write(page())
