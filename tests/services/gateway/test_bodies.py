"""Bodies: bounded whatever their headers promise (security 22), and said plainly when they cannot be read."""

import gzip
import json
import tracemalloc
from typing import Any

import pytest

from services.gateway.bodies import SMALL
from services.gateway.notifications import BULK, WITH_ATTACHMENTS

JSON = {"Content-Type": "application/json"}
MAIL = {"channel": "email", "to": {"email": "ada@example.com"}, "content": {"subject": "Hi", "text": "x"}}


def padded(size: int) -> bytes:
    """A good request of exactly `size` bytes."""
    short = json.dumps(MAIL).encode()
    return json.dumps({**MAIL, "content": {"subject": "Hi", "text": "x" * (1 + size - len(short))}}).encode()


def with_attachment(size: int) -> bytes:
    """A request of exactly `size` bytes that has an attachment, and spaces after it."""
    mail = {**MAIL, "content": {"subject": "x", "text": "y", "attachments": [
        {"filename": "a.txt", "content_type": "text/plain", "content": "QUJD" * 100_000}]}}  # fmt: skip
    return json.dumps(mail).encode().ljust(size)


def post(call: Any, body: bytes, path: str = "/v1/notifications", **headers: str) -> Any:
    return call("POST", path, data=body, headers={**JSON, **headers})


class TestSize:
    def test_up_to_the_limit_and_one_byte_over(self, call: Any) -> None:
        assert post(call, padded(SMALL)).status_code == 202
        refused = post(call, padded(SMALL + 1))
        assert refused.status_code == 413
        assert "256 KB" in refused.json["detail"]

    def test_attachments_have_room_up_to_their_own_limit(self, call: Any) -> None:
        assert post(call, with_attachment(WITH_ATTACHMENTS)).status_code == 202
        refused = post(call, with_attachment(WITH_ATTACHMENTS + 1))
        assert refused.status_code == 413
        assert "15 MB" in refused.json["detail"]

    def test_bulk_has_its_limit(self, call: Any) -> None:
        bulk = {"channel": "email", "content": MAIL["content"], "recipients": [{"to": MAIL["to"]}]}
        body = json.dumps(bulk).encode()
        assert post(call, body.ljust(BULK), "/v1/notifications/bulk").status_code == 202
        assert post(call, body.ljust(BULK + 1), "/v1/notifications/bulk").status_code == 413

    def test_what_promises_too_much_is_not_read(self, call: Any) -> None:
        answer = call("POST", "/v1/notifications", headers=JSON, environ_overrides={"CONTENT_LENGTH": str(10**12)})
        assert answer.status_code == 413
        assert answer.headers["Connection"] == "close"


class TestCompression:
    def test_gzip_is_read(self, call: Any) -> None:
        packed = gzip.compress(json.dumps(MAIL).encode())
        assert post(call, packed, **{"Content-Encoding": "gzip"}).status_code == 202
        assert post(call, packed[:10] + packed[10:], **{"Content-Encoding": "GZIP"}).status_code == 202

    def test_several_members_are_one_body(self, call: Any) -> None:
        text = json.dumps(MAIL).encode()
        packed = gzip.compress(text[:9]) + gzip.compress(text[9:])
        assert post(call, packed, **{"Content-Encoding": "gzip"}).status_code == 202

    def test_a_bomb_is_stopped_at_the_limit_and_costs_no_memory(self, call: Any) -> None:
        bomb = gzip.compress(gzip.compress(b" " * 500_000_000, 9), 9)
        bomb = gzip.decompress(bomb)  # half a megabyte that becomes 500 MB
        assert len(bomb) < 1_000_000
        tracemalloc.start()
        try:
            answer = post(call, bomb, **{"Content-Encoding": "gzip"})
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert answer.status_code == 413
        assert "more than 100 times its size" in answer.json["detail"]
        assert peak < WITH_ATTACHMENTS + 5 * 1024 * 1024

    @pytest.mark.parametrize(
        "body", [b"", b"not gzip", gzip.compress(b"{}", mtime=0)[:-9]], ids=["empty", "something else", "cut short"]
    )
    def test_what_is_not_gzip_is_said(self, call: Any, body: bytes) -> None:
        answer = post(call, body, **{"Content-Encoding": "gzip"})
        assert answer.status_code == 400
        assert answer.json["type"].endswith("#malformed")

    @pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip", "zstd"])
    def test_other_encodings_are_refused(self, call: Any, encoding: str) -> None:
        assert post(call, b"{}", **{"Content-Encoding": encoding}).status_code == 415


class TestJson:
    def test_other_media_types_are_refused_naming_what_would_do(self, call: Any) -> None:
        for media_type in ("text/plain", "application/xml", "application/x-www-form-urlencoded", ""):
            answer = call("POST", "/v1/notifications", data=b"{}", headers={"Content-Type": media_type})
            assert answer.status_code == 415
            assert "application/json" in answer.json["detail"]

    @pytest.mark.parametrize(
        ("body", "place"),
        [
            (b"", "line 1"),
            (b'{"channel": "email",\n "to": }', "line 2, column 8"),
            (b'{"a": 1,}', "line 1, column 8"),
            (b'{"a": "\xff"}', "line 1"),
            (b'{"a": NaN}', "line 1"),
            (b'{"a": 1e400}', "line 1"),
            (b'{"a": "\\ud800"}', "line 1"),
            (b'{"a": "b\nc"}', "line"),
        ],
    )
    def test_what_is_not_json_is_named_by_line_and_column(self, call: Any, body: bytes, place: str) -> None:
        answer = post(call, body)
        assert answer.status_code == 400
        assert place in answer.json["detail"]

    def test_depth(self, call: Any) -> None:
        def nested(depth: int) -> bytes:
            return b'{"channel": "email", "data": ' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"

        assert post(call, nested(32)).status_code == 422
        assert post(call, nested(33)).status_code == 400
        assert post(call, nested(100_000)).status_code == 400

    def test_nul(self, call: Any) -> None:
        answer = post(call, json.dumps(MAIL | {"to": {"email": "a@example.com", "name": "a\0b"}}).encode())
        assert answer.status_code == 422
        assert answer.json["errors"][0]["field"] == "to.name"

    @pytest.mark.parametrize("body", [b"[]", b"null", b'"text"', b"1", b"true"])
    @pytest.mark.parametrize("path", ["/v1/notifications", "/v1/notifications/bulk"])
    def test_what_is_not_an_object(self, call: Any, path: str, body: bytes) -> None:
        answer = post(call, body, path)
        assert answer.status_code == 422


@pytest.mark.parametrize(
    "path", ["/v1/recipients/a%00b/devices", "/v1/templates/%00", "/v1/notifications?recipient=%00", "/v1/%00"]
)
def test_nul_in_the_address(call: Any, path: str) -> None:
    assert call("GET", path).status_code == 400
