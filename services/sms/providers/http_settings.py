"""Settings of the HTTP gateway: what is asked, and what its answers mean."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

import orjson

from services.sms.providers.http_checks import (
    FORM_BODY,
    HEADERS,
    JSON_BODY,
    malformed,
    one_line,
    path_or_none,
    shared_codes,
    success_problem,
    unfillable,
)
from services.sms.providers.http_path import path_problem
from shared.settings import one_of, setting, url_of


def _form(text: str) -> dict[str, str]:
    fields = parse_qsl(text, keep_blank_values=True, strict_parsing=True)
    if len(dict(fields)) < len(fields):
        raise ValueError("a field is there twice")
    return dict(fields)


@dataclass(frozen=True)
class HttpGatewaySettings:
    """An SMS vendor with an HTTP API, described by settings alone."""

    url: str = setting("SMS_API_URL", "Where SMS are sent to; may have placeholders.", check=url_of("https", "http"))
    api_key: str = setting("SMS_API_KEY", "What {api_key} stands for.", secret=True, check=one_line)
    method: str = setting("SMS_API_METHOD", "POST or GET.", default="POST", check=one_of("POST", "GET"))
    header_template: str = setting(
        "SMS_API_HEADERS", "Headers, a JSON object; may have placeholders, but not {text}.", default=HEADERS
    )
    content_type: str | None = setting(
        "SMS_API_CONTENT_TYPE",
        "How the fields are sent: json or form. Unset: json with POST; with GET form, which is the query then.",
        default=None, check=one_of("json", "form"),
    )  # fmt: skip
    body_template: str | None = setting(
        "SMS_API_BODY",
        "The fields, with placeholders: JSON, or for a form a=b&c=d. Unset: to, from, text and id.",
        default=None,
    )  # fmt: skip
    sender: str | None = setting(
        "SMS_API_FROM", "What {from} stands for where CRIER_SMS_SENDERS says nothing.", default=None, check=one_line
    )
    id_path: str = setting(
        "SMS_API_ID_PATH", "Where an answer has the gateway's id of the message, such as messages.0.id; or none.",
        default="id", check=path_or_none,
    )  # fmt: skip
    error_path: str = setting(
        "SMS_API_ERROR_PATH", "Where an answer says what is wrong.", default="error.message", check=path_problem
    )
    error_code_path: str = setting(
        "SMS_API_ERROR_CODE_PATH",
        "Where an answer has its code for what is wrong.",
        default="error.code",
        check=path_problem,
    )
    success: str | None = setting(
        "SMS_API_SUCCESS",
        "How a success is told from a failure that comes with a status of success too: a path and its values, such as "
        "status=0,queued. Unset: by the HTTP status alone.",
        default=None, check=success_problem,
    )  # fmt: skip
    dead_codes: tuple[str, ...] = setting(
        "SMS_API_DEAD_CODES", "Codes for numbers that do not exist or take no SMS.", default=()
    )
    opt_out_codes: tuple[str, ...] = setting(
        "SMS_API_OPT_OUT_CODES", "Codes for recipients who want no SMS from this sender.", default=()
    )
    retry_codes: tuple[str, ...] = setting(
        "SMS_API_RETRY_CODES", "Codes for what was not processed and may be tried again.", default=()
    )
    fault_codes: tuple[str, ...] = setting(
        "SMS_API_FAULT_CODES", "Codes for what is wrong with the account: credentials, balance.", default=()
    )

    @property
    def is_form(self) -> bool:
        """Whether fields are sent as a form, or as the query."""
        return self.content_type == "form" or self.method == "GET"

    @cached_property
    def headers(self) -> Mapping[str, str]:
        """The template of the headers."""
        headers: Mapping[str, str] = orjson.loads(self.header_template)
        return headers

    @cached_property
    def body(self) -> Any:
        """The template of the fields: JSON, or names and values of a form. ValueError: it is neither."""
        text = self.body_template or (FORM_BODY if self.is_form else JSON_BODY)
        return _form(text) if self.is_form else orjson.loads(text)

    @cached_property
    def successes(self) -> tuple[str, frozenset[str]] | None:
        """Where an answer says whether it is one of success, and the values there that do."""
        if self.success is None:
            return None
        path, _, values = self.success.partition("=")
        return path.strip(), frozenset(value.strip() for value in values.split(",") if value.strip())

    def problems(self) -> list[str]:
        """What does not fit together, or cannot be filled in."""
        return list(malformed(self)) or [*unfillable(self), *shared_codes(self)]
