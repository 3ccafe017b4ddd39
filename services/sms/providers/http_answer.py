"""What an answer of the HTTP gateway means."""

from typing import Any

import orjson

from services.sms.providers.http_checks import NONE
from services.sms.providers.http_path import find
from services.sms.providers.http_settings import HttpGatewaySettings
from shared.errors import Ambiguous, Rejected, SendError, Unavailable
from shared.http import Reply, refusal
from shared.providers.outcomes import DEAD, FAULT, OPTED_OUT
from shared.providers.port import Sent


def read(reply: Reply, settings: HttpGatewaySettings) -> Sent:
    """What became of the message.

    A success is believed when it looks like one: the values of SMS_API_SUCCESS, and the id where SMS_API_ID_PATH says.
    A failure goes by the gateway's code where the settings know it, else by the HTTP status.

    Raises:
        Rejected, Unavailable, Ambiguous: it was not sent, or nobody can say.
    """
    answer = _parsed(reply)
    said = find(answer, settings.successes[0]) if settings.successes else None
    if reply.ok and (settings.successes is None or said in settings.successes[1]):
        code = find(answer, settings.error_code_path)
        if settings.id_path == NONE and (settings.successes or not _known(code, settings)):
            return Sent(detail=f"HTTP {reply.status}")
        if reference := find(answer, settings.id_path):
            return Sent(reference=reference, detail=f"HTTP {reply.status}" + (f", {said}" if said else ""))
    raise _failure(reply, answer, said, settings)


def _failure(reply: Reply, answer: Any, said: str | None, settings: HttpGatewaySettings) -> SendError:
    code = find(answer, settings.error_code_path)
    reason = find(answer, settings.error_path) or f"HTTP {reply.status} without an explanation"
    for codes, meaning in (
        (settings.dead_codes, DEAD),
        (settings.opt_out_codes, OPTED_OUT),
        (settings.fault_codes, FAULT),
    ):
        if code in codes:
            return meaning(reason, code=code)
    if code in settings.retry_codes and reply.status != 429:
        return Unavailable(reason, code=code, retry_after=reply.retry_after)
    if reply.ok and settings.successes and said is not None and said not in settings.successes[1]:
        return Rejected(reason, code=code or said)
    if reply.ok:
        return Ambiguous(
            f"The answer (HTTP {reply.status}) says neither that it was sent nor that it was not.", code=code
        )
    return refusal(reply, reason, code=code)


def _known(code: str | None, settings: HttpGatewaySettings) -> bool:
    return code in (*settings.dead_codes, *settings.opt_out_codes, *settings.retry_codes, *settings.fault_codes)


def _parsed(reply: Reply) -> Any:
    try:
        return orjson.loads(reply.body)
    except orjson.JSONDecodeError:
        return None
