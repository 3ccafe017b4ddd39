"""AWS's signature, version 4, checked as the service does: by computing it again.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from urllib.parse import quote, urlsplit

from crier.sandbox.vendor import Call

_ALGORITHM = "AWS4-HMAC-SHA256"
_AUTHORIZATION = re.compile(
    _ALGORITHM + r"\s+Credential=(?P<key>[^/,\s]+)/[^,\s]+,\s*"
    r"SignedHeaders=(?P<headers>[a-z0-9;-]+),\s*Signature=(?P<signature>[0-9a-f]{64})"
)
_SKEW = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class AwsKey:
    """A long-term access key, and what it is used for."""

    access_key_id: str
    secret_access_key: str
    region: str
    service: str

    def problem(self, call: Call) -> str | None:
        """The code of the error for a call that this key did not sign; `None` for one that it did."""
        if not (authorization := call.headers.get("authorization")):
            return "MissingAuthenticationToken"
        if not (given := _AUTHORIZATION.fullmatch(authorization)):
            return "IncompleteSignature"
        if given["key"] != self.access_key_id or "x-amz-security-token" in call.headers:
            return "UnrecognizedClientException"
        signed, date = given["headers"].split(";"), call.headers.get("x-amz-date", "")
        if not {"host", "x-amz-date"} <= set(signed) or signed != sorted(signed):
            return "IncompleteSignature"
        if not _is_recent(date):
            return "RequestExpired"
        scope = f"{date[:8]}/{self.region}/{self.service}/aws4_request"
        if not hmac.compare_digest(self._signature(call, signed, date, scope), given["signature"]):
            return "SignatureDoesNotMatch"
        return None

    def _signature(self, call: Call, signed: list[str], date: str, scope: str) -> str:
        canonical = sha256(_canonical(call, signed).encode()).hexdigest()
        key = f"AWS4{self.secret_access_key}".encode()
        for part in scope.split("/"):
            key = _mac(key, part)
        return _mac(key, "\n".join((_ALGORITHM, date, scope, canonical))).hex()


def _canonical(call: Call, signed: list[str]) -> str:
    """The canonical request."""
    parts = urlsplit(call.target)
    query = sorted(pair if "=" in pair else f"{pair}=" for pair in parts.query.split("&") if pair)
    headers = [f"{name}:{' '.join(call.headers.get(name, '').split())}\n" for name in signed]
    return "\n".join((
        call.method,
        quote(parts.path, safe="/~"),
        "&".join(query),
        "".join(headers),
        ";".join(signed),
        sha256(call.body).hexdigest(),
    ))  # fmt: skip


def _mac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")


def _is_recent(date: str) -> bool:
    try:
        moment = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return False
    return abs(datetime.now(UTC) - moment) < _SKEW
