"""Errors as FCM's HTTP v1 API answers them: `error.code`, `status`, `message`, and typed `details`.

https://firebase.google.com/docs/cloud-messaging/error-codes and
https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode. FCM's own code is in a detail of type
`google.firebase.fcm.v1.FcmError`; what Google's front end refuses (credentials, permission, the project's
quota) has a `google.rpc.ErrorInfo` instead.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from crier.sandbox.vendor import Answer, json_answer

_RPC = "type.googleapis.com/google.rpc"
_FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"

_OWN: Mapping[str, tuple[int, str, str]] = {
    "UNREGISTERED": (404, "NOT_FOUND", "Requested entity was not found."),
    "INVALID_ARGUMENT": (
        400,
        "INVALID_ARGUMENT",
        "The registration token is not a valid FCM registration token",
    ),
    "SENDER_ID_MISMATCH": (403, "PERMISSION_DENIED", "SenderId mismatch"),
    "QUOTA_EXCEEDED": (429, "RESOURCE_EXHAUSTED", "Quota exceeded for the message target."),
    "UNAVAILABLE": (503, "UNAVAILABLE", "The service is currently unavailable."),
    "INTERNAL": (500, "INTERNAL", "Internal error encountered."),
    "THIRD_PARTY_AUTH_ERROR": (401, "UNAUTHENTICATED", "Auth error from APNS or Web Push Service"),
}
"""FCM's own codes to the HTTP status, the canonical status and the text."""

NAMES = (*_OWN, "INVALID_ARGUMENT field", "UNAUTHENTICATED", "PERMISSION_DENIED", "RATE_LIMIT_EXCEEDED")


def answer(name: str, project: str) -> Answer:
    """The error `name`, one of `NAMES`."""
    if name == "UNAUTHENTICATED":
        return _unauthenticated()
    if name == "PERMISSION_DENIED":
        return _permission_denied(project)
    if name == "RATE_LIMIT_EXCEEDED":
        return _rate_limited(project)
    if name == "INVALID_ARGUMENT field":
        return malformed([("message.data[0].value", "Invalid value at 'message.data[0].value' (TYPE_STRING), 12")])
    status, canonical, text = _OWN[name]
    details = [_own(name)]
    if name == "QUOTA_EXCEEDED":
        violation = {"subject": "QUOTA_EXCEEDED", "description": "Device message rate exceeded"}
        details.append({"@type": f"{_RPC}.QuotaFailure", "violations": [violation]})
    return _error(status, canonical, text, details, name)


def malformed(wrong: Iterable[tuple[str, str]]) -> Answer:
    """What the JSON parser refuses: fields and sentences."""
    wrong = list(wrong)
    text = "\n".join(sentence for _, sentence in wrong)
    return _error(400, "INVALID_ARGUMENT", text, [_bad_request(wrong)])


def invalid(field: str, sentence: str) -> Answer:
    """What FCM refuses in a well-formed message."""
    details = [_bad_request([(field, sentence)]), _own("INVALID_ARGUMENT")]
    return _error(400, "INVALID_ARGUMENT", sentence, details)


def _error(status: int, canonical: str, text: str, details: list[dict[str, Any]], code: str | None = None) -> Answer:
    error = {"code": status, "message": text, "status": canonical, "details": details}
    return json_answer(status, {"error": error}, code=code or canonical)


def _own(code: str) -> dict[str, Any]:
    return {"@type": _FCM_ERROR, "errorCode": code}


def _bad_request(wrong: Iterable[tuple[str, str]]) -> dict[str, Any]:
    violations = [
        {"field": field, "description": sentence} if field else {"description": sentence} for field, sentence in wrong
    ]
    return {"@type": f"{_RPC}.BadRequest", "fieldViolations": violations}


def _error_info(reason: str, **metadata: str) -> dict[str, Any]:
    service = {"service": "fcm.googleapis.com", **metadata}
    return {
        "@type": f"{_RPC}.ErrorInfo",
        "reason": reason,
        "domain": "googleapis.com",
        "metadata": service,
    }


def _unauthenticated() -> Answer:
    text = (
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or "
        "other valid authentication credential. See "
        "https://developers.google.com/identity/sign-in/web/devconsole-project."
    )
    info = _error_info("ACCESS_TOKEN_EXPIRED", method="google.firebase.fcm.v1.FcmService.SendMessage")
    return _error(401, "UNAUTHENTICATED", text, [info])


def _permission_denied(project: str) -> Answer:
    permission = "cloudmessaging.messages.create"
    resource = f"//cloudresourcemanager.googleapis.com/projects/{project}"
    text = f"Permission '{permission}' denied on resource '{resource}' (or it may not exist)."
    info = _error_info("IAM_PERMISSION_DENIED", resource=f"projects/{project}", permission=permission)
    return _error(403, "PERMISSION_DENIED", text, [info])


def _rate_limited(project: str) -> Answer:
    text = (
        "Quota exceeded for quota metric 'Send requests' and limit 'Send requests per minute' of service "
        f"'fcm.googleapis.com' for consumer 'projects/{project}'."
    )
    info = _error_info(
        "RATE_LIMIT_EXCEEDED",
        quota_metric="fcm.googleapis.com/send_requests",
        quota_limit="SendsPerMinutePerProject",
    )
    return _error(429, "RESOURCE_EXHAUSTED", text, [info])
