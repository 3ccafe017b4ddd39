"""Google's OAuth 2 token endpoint for service accounts, and a throw-away service account to use with it.

https://developers.google.com/identity/protocols/oauth2/service-account (the JWT bearer grant of RFC 7523).
"""

import json
import secrets
import time
from pathlib import Path
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from crier.sandbox.vendor import Answer, Call, json_answer

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SCOPES = frozenset(
    {"https://www.googleapis.com/auth/firebase.messaging", "https://www.googleapis.com/auth/cloud-platform"}
)
_GOOGLE = "https://oauth2.googleapis.com/token"
_LIFETIME = 3600
_TIMEFRAME = (
    "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your "
    "iat and exp values in the JWT claim."
)
ERRORS = {
    "invalid_grant": "Invalid JWT Signature.",
    "invalid_scope": "Invalid OAuth scope or ID token audience provided.",
    "invalid_client": "The OAuth client was not found.",
}
"""What the endpoint can be told to answer with: `error` to `error_description`."""


def make_service_account(path: Path, *, project: str, token_uri: str) -> None:
    """Write a service-account key file as the Firebase console hands it out, with a new RSA key, to `path`.

    If there is one already its key is kept and only `token_uri` is brought up to date.
    """
    if path.exists():
        account = json.loads(path.read_bytes())
    else:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        email = f"firebase-adminsdk-sandbox@{project}.iam.gserviceaccount.com"
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        account = {
            "type": "service_account",
            "project_id": project,
            "private_key_id": uuid4().hex,
            "private_key": pem.decode(),
            "client_email": email,
            "client_id": "".join(secrets.choice("0123456789") for _ in range(21)),
            "auth_uri": "https://accounts.google.com/o/oauth2/auth",
            "auth_provider_x509_cert_url": "https://www.googleapis.com/oauth2/v1/certs",
            "client_x509_cert_url": f"https://www.googleapis.com/robot/v1/metadata/x509/{email}",
            "universe_domain": "googleapis.com",
        }
    path.touch(0o600)
    path.write_text(json.dumps({**account, "token_uri": token_uri}, indent=2))


class TokenEndpoint:
    """Issues access tokens for the service account in `account_file`, and knows which are still good."""

    def __init__(self, account_file: Path) -> None:
        account = json.loads(account_file.read_bytes())
        private = serialization.load_pem_private_key(account["private_key"].encode(), None)
        public = private.public_key()
        assert isinstance(public, rsa.RSAPublicKey)
        self._key = public
        self._email = account["client_email"]
        # google-auth always names Google's own endpoint as the audience, whatever token_uri it calls.
        self._audiences = [_GOOGLE, account["token_uri"]]
        self._expiries: dict[str, float] = {}

    def issue(self, call: Call) -> Answer:
        """Answer a token request."""
        grant, assertion = call.form.get("grant_type"), call.form.get("assertion")
        if grant != GRANT:
            return refuse("unsupported_grant_type", f"Invalid grant_type: {grant or ''}")
        if not assertion:
            return refuse("invalid_request", "Missing parameter: assertion")
        try:
            claims = jwt.decode(
                assertion, self._key, algorithms=["RS256"], audience=self._audiences,
                options={"require": ["iss", "iat", "exp", "aud"]}, leeway=10,
            )  # fmt: skip
        except jwt.MissingRequiredClaimError as error:
            return refuse("invalid_grant", f"Invalid JWT: {error.claim} is not set.")
        except (jwt.ExpiredSignatureError, jwt.ImmatureSignatureError, jwt.InvalidIssuedAtError):
            return refuse("invalid_grant", _TIMEFRAME)
        except jwt.InvalidAudienceError:
            return refuse("invalid_grant", "Invalid JWT: Failed audience check.")
        except jwt.InvalidTokenError:
            return refuse("invalid_grant", "Invalid JWT Signature.")
        if claims["iss"] != self._email:
            return refuse("invalid_grant", "Invalid grant: account not found")
        if claims["exp"] - claims["iat"] > _LIFETIME:
            return refuse("invalid_grant", _TIMEFRAME)
        if not SCOPES & set(str(claims.get("scope", "")).split()):
            return refuse("invalid_scope", ERRORS["invalid_scope"])
        token = f"ya29.c.{secrets.token_urlsafe(48)}"
        now = time.monotonic()
        self._expiries = {old: expiry for old, expiry in self._expiries.items() if expiry > now}
        self._expiries[token] = now + _LIFETIME
        return json_answer(200, {"access_token": token, "expires_in": _LIFETIME - 1, "token_type": "Bearer"})

    def accepts(self, authorization: str | None) -> bool:
        """Whether an `Authorization` header carries a token of ours that has not expired."""
        scheme, _, token = (authorization or "").partition(" ")
        return scheme == "Bearer" and self._expiries.get(token, 0.0) > time.monotonic()

    def revoke(self) -> None:
        """Let every token issued so far be refused, as if its hour had passed."""
        self._expiries.clear()


def refuse(error: str, description: str) -> Answer:
    """An OAuth 2 error (RFC 6749 section 5.2)."""
    return json_answer(400, {"error": error, "error_description": description}, code=error)
