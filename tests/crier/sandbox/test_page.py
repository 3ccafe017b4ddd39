"""The page shows what was received, and nothing that was received can do anything."""

import re
import smtplib
from email.message import EmailMessage

import pytest
import requests

from crier.sandbox import Entry, Sandbox
from crier.sandbox.preview import Kind
from crier.sandbox.summary import Outcome, answer, headline, outcome
from tests.crier.sandbox.clients import mail, only_call

HOSTILE = "<script>alert('mail')</script>"


def page(sandbox: Sandbox, path: str = "/") -> requests.Response:
    response = requests.get(f"{sandbox.url}{path}", timeout=10)
    response.encoding = "utf-8"
    return response


def sms(sandbox: Sandbox, to: str = "+447700900123", body: str = "Hello") -> requests.Response:
    settings = sandbox.environment
    account = settings["TWILIO_ACCOUNT_SID"]
    url = f"{sandbox.url}/2010-04-01/Accounts/{account}/Messages.json"
    form = {"To": to, "From": settings["TWILIO_FROM"], "Body": body}
    return requests.post(url, auth=(account, settings["TWILIO_AUTH_TOKEN"]), data=form, timeout=10)


def test_before_anything_arrived_it_says_how_to_begin(sandbox: Sandbox) -> None:
    html = page(sandbox).text
    assert "Nothing received yet" in html
    assert f"export TWILIO_BASE_URL={sandbox.url}\n" in html
    assert "export SMTP_FROM=&#39;Crier sandbox &lt;sandbox@example.com&gt;&#39;\n" in html


def test_a_mail_is_shown_and_its_markup_is_not_run(sandbox: Sandbox, smtp: smtplib.SMTP) -> None:
    smtp.send_message(mail(subject=HOSTILE, html=f"<b>Hello</b>{HOSTILE}"))
    response = page(sandbox)
    assert "<script" not in response.text.lower()
    assert "&lt;script&gt;alert(&#39;mail&#39;)&lt;/script&gt;" in response.text
    sequence = only_call(sandbox, "smtp").sequence
    assert re.search(rf'<iframe sandbox [^>]*src="/calls/{sequence}/html"', response.text)
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy


def test_a_mails_html_is_served_where_it_can_do_nothing(sandbox: Sandbox, smtp: smtplib.SMTP) -> None:
    smtp.send_message(mail(html=f"<b>Hello</b>{HOSTILE}"))
    response = page(sandbox, f"/calls/{only_call(sandbox, 'smtp').sequence}/html")
    assert "<b>Hello</b>" in response.text
    policy = response.headers["Content-Security-Policy"].split("; ")
    assert "sandbox" in policy
    assert "default-src 'none'" in policy


def test_everything_received_is_escaped(sandbox: Sandbox) -> None:
    sms(sandbox, body=HOSTILE)
    requests.post(f"{sandbox.url}/{HOSTILE}?x={HOSTILE}", headers={"X-Odd": HOSTILE}, data=HOSTILE, timeout=10)
    assert "<script" not in page(sandbox).text.lower()
    assert "<script" not in page(sandbox, f"/?vendor={HOSTILE}").text.lower()


def test_attachments_and_the_mail_itself_are_saved_never_shown(sandbox: Sandbox, smtp: smtplib.SMTP) -> None:
    message = mail()
    message.add_attachment(HOSTILE, subtype="html", filename='bill "é".html')
    smtp.send_message(message)
    sequence = only_call(sandbox, "smtp").sequence
    assert "bill &#34;é&#34;.html" in page(sandbox).text
    saved = page(sandbox, f"/calls/{sequence}/attachments/0")
    assert saved.content.strip() == HOSTILE.encode()
    assert saved.headers["Content-Disposition"] == "attachment; filename*=UTF-8''bill%20%22%C3%A9%22.html"
    assert saved.headers["Content-Type"] == "application/octet-stream"
    raw = page(sandbox, f"/calls/{sequence}/raw")
    assert b"X-Crier-Id" in raw.content
    assert raw.headers["Content-Disposition"].startswith("attachment")


@pytest.mark.parametrize("path", ["/calls/999999", "/calls/999999/html", "/calls/999999/raw"])
def test_what_there_is_not_is_not_found(sandbox: Sandbox, path: str) -> None:
    assert page(sandbox, path).status_code == 404


def test_an_sms_has_no_mail_to_save(sandbox: Sandbox) -> None:
    sms(sandbox)
    sequence = only_call(sandbox, "twilio").sequence
    assert page(sandbox, f"/calls/{sequence}/raw").status_code == 404
    assert page(sandbox, f"/calls/{sequence}/attachments/0").status_code == 404


def test_inline_images_are_part_of_the_html(sandbox: Sandbox, smtp: smtplib.SMTP) -> None:
    message = mail(html='<img src="cid:logo@example.com">')
    part = message.get_payload()[1]
    assert isinstance(part, EmailMessage)
    part.add_related(b"\x89PNG", "image", "png", cid="<logo@example.com>")
    smtp.send_message(message)
    html = page(sandbox, f"/calls/{only_call(sandbox, 'smtp').sequence}/html").text
    assert 'src="data:image/png;base64,iVBORw=="' in html


def test_a_mail_beyond_repair_does_not_break_the_page(sandbox: Sandbox, smtp: smtplib.SMTP) -> None:
    broken = b"Content-Type: text/html; charset=no-such\r\nSubject: =?x?q?\r\nFrom: <<\r\n\r\n\xff<b>\r\n"
    smtp.sendmail("a@example.com", ["b@example.com"], broken)
    response = page(sandbox)
    assert response.status_code == 200
    assert "b@example.com" in response.text


def test_one_vendor_at_a_time(sandbox: Sandbox, smtp: smtplib.SMTP) -> None:
    sms(sandbox, body="An SMS")
    smtp.send_message(mail(subject="A mail"))
    both, one = page(sandbox).text, page(sandbox, "/?vendor=twilio").text
    assert "A mail" in both
    assert "An SMS" in one
    assert "A mail" not in one
    assert both.index("A mail") < both.index("An SMS")  # newest first


def test_older_calls_are_a_page_further(sandbox: Sandbox) -> None:
    for number in range(60):
        sms(sandbox, body=f"SMS number {number}.")
    first = page(sandbox).text
    assert "SMS number 59." in first
    assert "SMS number 9." not in first
    older = re.search(r'href="(/\?[^"]*before=\d+)"', first)
    assert older is not None
    second = page(sandbox, older[1].replace("&amp;", "&")).text
    assert "SMS number 9." in second
    assert "SMS number 10." not in second


def test_one_call_has_a_page(sandbox: Sandbox) -> None:
    sms(sandbox, body="This one")
    sms(sandbox, body="Another")
    sequence = next(sandbox.calls("twilio")).sequence
    html = page(sandbox, f"/calls/{sequence}").text
    assert "This one" in html
    assert "Another" not in html
    assert '<details class="call" open>' in html


def entry(action: str = "send", *, accepted: bool = False, **answered: object) -> Entry:
    return Entry("x", action, {"method": "POST", "path": "/y"}, answered, accepted=accepted)


@pytest.mark.parametrize(
    ("call", "ended", "said"),
    [
        (entry(status=201, accepted=True), Outcome.ACCEPTED, "201"),
        (entry(status=400, code="21610"), Outcome.REFUSED, "400 21610"),
        (entry("token", status=200), Outcome.ANSWERED, "200"),
        (entry(reply="250 2.0.0 Ok: queued as 1", accepted=True), Outcome.ACCEPTED, "250 2.0.0 Ok"),
        (entry(reply="550 5.1.1 No"), Outcome.REFUSED, "550 5.1.1 No"),
        (entry(status=201, accepted=True, behaviour={"fault": "hang"}), Outcome.BROKEN, "201 (hang)"),
    ],
)
def test_a_call_in_a_word(call: Entry, ended: Outcome, said: str) -> None:
    assert (outcome(call), answer(call)) == (ended, said)


def test_headlines(sandbox: Sandbox, smtp: smtplib.SMTP) -> None:
    sms(sandbox, body="Text")
    smtp.send_message(mail(subject="Subject"))
    smtp.docmd("MAIL", "FROM:<a@example.com>")
    smtp.rcpt("bounce+550@example.com")
    requests.get(f"{sandbox.url}/nothing", timeout=10)
    lines = [headline(entry, sandbox.preview(entry)) for entry in sandbox.calls()]
    assert lines == ["Text", "Subject", "RCPT TO:<bounce+550@example.com>", "GET /nothing"]


def test_previews_by_kind(sandbox: Sandbox, smtp: smtplib.SMTP) -> None:
    sms(sandbox, body="Text")
    smtp.send_message(mail(html="<p>Hello"))
    first, second = (sandbox.preview(entry) for entry in sandbox.calls())
    assert (first.kind, first.text, dict(first.facts)["Segments"]) == (Kind.SMS, "Text", "1")
    assert (second.kind, second.text.strip(), second.html) == (Kind.MAIL, "Hello Ada", "<p>Hello\r\n")
