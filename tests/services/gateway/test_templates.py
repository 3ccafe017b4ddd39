"""`/v1/templates`: upload, list, show, preview; strangers' templates stopped (security 16 to 18)."""

import time
from typing import Any

import pytest

pytestmark = pytest.mark.usefixtures("catalogue")

MANIFEST = """
description = "A note."
kind = "transactional"
[variables.word]
type = "string"
[sample]
word = "hello"
"""


def put(call: Any, sms: str = "Note: {{ word }}", name: str = "note", **files: str) -> Any:
    files = {"template.toml": MANIFEST, "sms.body.txt": sms, **files}
    return call("PUT", f"/v1/templates/{name}", json={"files": files})


def test_a_template_is_used_as_soon_as_it_is_uploaded(call: Any) -> None:
    sms = {"channel": "sms", "to": {"phone": "+442079460018"}, "template": "note", "data": {"word": "x"}}
    assert call.send(sms).status_code == 422
    assert put(call).json["version"] == 1
    assert call.send(sms).status_code == 202
    assert put(call, "Other: {{ word }}").json["version"] == 2
    shown = call("GET", call.send(sms).headers["Location"]).json
    assert shown["template"] == "note@2"


def test_the_same_files_are_the_same_version(call: Any) -> None:
    assert [put(call).json["version"] for _ in range(2)] == [1, 1]


def test_a_shipped_template_uploaded_as_it_is_stays_the_shipped_one(call: Any, rows: Any) -> None:
    files = call("GET", "/v1/templates/welcome").json["files"]
    assert call("PUT", "/v1/templates/welcome", json={"files": files}).status_code == 200
    assert rows("SELECT FROM template_versions WHERE project_id IS NOT NULL") == []


def test_a_project_sees_its_own_and_the_shared_ones(call: Any, stranger: Any) -> None:
    put(call)
    mine = [item["name"] for item in call("GET", "/v1/templates").json["items"]]
    theirs = [item["name"] for item in stranger("GET", "/v1/templates").json["items"]]
    assert "note" in mine
    assert mine == sorted(mine)
    assert "welcome" in theirs
    assert "note" not in theirs
    assert stranger("GET", "/v1/templates/note").status_code == 404


def test_what_a_template_takes_is_shown(call: Any) -> None:
    shown = call("GET", "/v1/templates/one_time_code").json
    assert (shown["kind"], shown["channels"]) == ("code", ["email", "sms"])
    (code,) = [variable for variable in shown["variables"] if variable["name"] == "code"]
    assert (code["type"], code["required"], code["secret"]) == ("string", True, True)


def test_one_that_is_not_there_suggests_another(call: Any) -> None:
    answer = call("GET", "/v1/templates/welcom")
    assert answer.status_code == 404
    assert "Did you mean welcome?" in answer.json["detail"]


def test_the_layout_of_the_installation_is_added(call: Any) -> None:
    html = '{% extends "_layout/email.html" %}{% block content %}{{ word }}{% endblock %}'
    answer = put(call, **{"email.subject.txt": "x", "email.body.txt": "{{ word }}", "email.body.html": html})
    assert answer.status_code == 200, answer.json
    assert "_layout/email.html" in answer.json["files"]


def test_a_template_is_uploaded_with_its_languages(call: Any) -> None:
    variants = {"de/sms.body.txt": "Notiz: {{ word }}", "pt_BR/sms.body.txt": "Nota: {{ word }}"}
    answer = put(call, **variants)
    assert answer.json["locales"] == ["en", "de", "pt-BR"], answer.json
    assert answer.json["files"]["de/sms.body.txt"] == "Notiz: {{ word }}"
    listed = {one["name"]: one["locales"] for one in call("GET", "/v1/templates").json["items"]}
    assert listed["note"] == ["en", "de", "pt-BR"]
    assert listed["welcome"] == ["en", "ar", "de", "es", "fr", "pl"]
    assert put(call, **variants).json["version"] == answer.json["version"]


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("klingon/sms.body.txt", "x", "`klingon` is no locale"),
        ("pl/sms.body.txt", "{{ 1|plural('x', 'y') }}", "few, many are missing"),
        ("de/sms.body.txt", "{{ word|number }}", "A number is wanted here"),
    ],
)
def test_a_variant_that_cannot_be_sent_is_refused_by_its_file(call: Any, file: str, text: str, said: str) -> None:
    answer = put(call, **{file: text})
    assert answer.status_code == 422
    (error,) = answer.json["errors"]
    assert error["field"].startswith(file)
    assert said in error["problem"]


class TestPreview:
    @pytest.mark.parametrize(
        "asked", [{"locale": "de-AT"}, {"recipient": {"locale": "de"}}, {"locale": "de", "recipient": {"locale": "fr"}}]
    )
    def test_in_the_language_asked_for(self, call: Any, asked: Any) -> None:
        put(call, **{"de/sms.body.txt": "Notiz: {{ word }}"})
        answer = call("POST", "/v1/templates/note/preview", json=asked).json
        assert (answer["content"]["sms"]["body"], answer["locales"]) == ("Notiz: hello", {"sms": "de"})

    def test_in_a_language_it_does_not_have(self, call: Any) -> None:
        put(call, **{"de/sms.body.txt": "Notiz: {{ word }}"})
        answer = call("POST", "/v1/templates/note/preview", json={"locale": "fr"}).json
        assert (answer["content"]["sms"]["body"], answer["locales"]) == ("Note: hello", {"sms": "en"})
        answer = call("POST", "/v1/templates/note/preview", json={"locale": "no tag at all"})
        assert [error["field"] for error in answer.json["errors"]] == ["locale"]

    def test_a_mail_in_arabic_runs_from_right_to_left(self, call: Any) -> None:
        answer = call("POST", "/v1/templates/booking_confirmation/preview", json={"locale": "ar"}).json
        assert '<html lang="ar" dir="rtl"' in answer["content"]["email"]["html"]
        assert set(answer["locales"].values()) == {"ar"}

    def test_with_its_sample_in_every_channel(self, call: Any) -> None:
        content = call("POST", "/v1/templates/trip_delay/preview", json={}).json["content"]
        assert set(content) == {"sms", "push"}
        assert content["sms"]["body"]

    def test_with_data_and_a_recipient(self, call: Any) -> None:
        put(call, "{{ word }} {{ recipient.name or 'you' }}")
        asked = {"data": {"word": "Good day"}, "recipient": {"name": "Ada"}}
        answer = call("POST", "/v1/templates/note/preview", json=asked)
        assert answer.json["content"] == {"sms": {"body": "Good day Ada"}}, answer.json

    def test_mistakes_in_data_are_named(self, call: Any) -> None:
        put(call)
        answer = call("POST", "/v1/templates/note/preview", json={"data": {"wrd": "x"}})
        assert answer.status_code == 422
        assert {error["field"] for error in answer.json["errors"]} == {"data.wrd", "data.word"}

    def test_markup_in_data_is_escaped(self, call: Any) -> None:
        put(call, **{"email.subject.txt": "x", "email.body.txt": "x", "email.body.html": "<p>{{ word }}</p>"})
        asked = {"data": {"word": "<script>alert(1)</script>"}}
        html = call("POST", "/v1/templates/note/preview", json=asked).json["content"]["email"]["html"]
        assert "<script>" not in html
        assert "&lt;script&gt;" in html

    def test_a_document_that_ships_is_made(self, call: Any) -> None:
        content = call("POST", "/v1/templates/payment_receipt/preview", json={}).json["content"]
        assert content["email"]["attachments"][0]["content_type"] == "application/pdf"


class TestStrangers:
    @pytest.mark.parametrize(
        "evil",
        [
            "{{ ().__class__ }}",
            "{{ ''.__class__.__mro__[1].__subclasses__() }}",
            "{{ self.__init__.__globals__ }}",
            "{{ word.format.__globals__ }}",
            "{{ '{0.__class__}'.format(word) }}",
            "{% include '/etc/passwd' %}",
            "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
            "{{ nothing }}",
            "{{ word",
        ],
    )
    def test_what_reaches_out_is_refused_by_file_and_line(self, call: Any, evil: str, rows: Any) -> None:
        answer = put(call, f"fine\n{evil}")
        assert answer.status_code == 422
        assert answer.json["type"].endswith("#invalid-template")
        assert answer.json["errors"][0]["field"].startswith("sms.body.txt")
        assert not rows("SELECT FROM template_versions WHERE name = 'note'")

    @pytest.mark.parametrize(
        "evil",
        [
            "{{ 10**100000000 }}",
            "{{ 'a'.ljust(300000000) }}",
            "{{ 'a' * 300000000 }}",
            "{% for a in range(100000) %}{% for b in range(100000) %}x{% endfor %}{% endfor %}",
        ],
    )
    def test_what_takes_too_much_is_stopped_and_the_gateway_is_unharmed(self, call: Any, evil: str) -> None:
        began = time.process_time()
        assert put(call, evil).status_code == 422
        assert time.process_time() - began < 5, "the work was not done in this process"
        assert put(call).status_code == 200

    @pytest.mark.parametrize("name", ["<script>", "a b", "A", "..", "a" * 64])
    def test_names_are_plain(self, call: Any, name: str) -> None:
        answer = put(call, name=name)
        assert answer.status_code in (404, 422)
        assert "<script>" not in answer.get_data(as_text=True) or answer.content_type == "application/problem+json"

    @pytest.mark.parametrize("files", [None, [], {}, {"a": 1}, {"../a": "x"}, {"template.toml": "x"}])
    def test_files_that_are_none(self, call: Any, files: Any) -> None:
        assert call("PUT", "/v1/templates/note", json={"files": files}).status_code == 422
