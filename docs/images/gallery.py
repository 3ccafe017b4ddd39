"""Draws the pictures of docs/channels/messages.md and of the README: `python docs/images/gallery.py`, with Chromium."""

import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from shared.messages.content import dump_content
from shared.messages.email import EmailContent
from shared.previews import Shown, fragment, page
from shared.templates.brand import Brand
from shared.templates.catalogue import load_catalogue
from shared.templates.compiled import Template, compile_bundle

HERE = Path(__file__).parent
STYLE = Path(__file__).parents[2] / "shared" / "previews" / "pages" / "preview.css"
SHEETS = {
    "messages-accounts": ["welcome", "email_verification", "password_reset", "one_time_code", "security_alert"],
    "messages-bookings": [
        "booking_confirmation", "booking_cancellation", "appointment_confirmation", "appointment_reminder",
        "review_request",
    ],
    "messages-payments": ["payment_receipt", "payment_status", "payment_failure"],
    "messages-people": ["job_application_received", "promotion", "system_alert"],
}  # fmt: skip
HEIGHTS = {"messages-accounts": 980, "messages-bookings": 1060, "messages-payments": 520, "messages-people": 704}
BRAND = Brand(
    name="Lumen",
    accent="#4f46e5",
    website="https://lumen.example",
    support_email="help@lumen.example",
    postal_address="1 Lamp Street, London EC1A 1BB",
    footer="Lumen Ltd, registered in England and Wales, no. 01234567",
)
ADA = {"name": "Ada", "locale": "en-GB", "timezone": "Europe/London"}
SALMA = {"name": "سلمى", "locale": "ar", "timezone": "Asia/Dubai"}
DINNER = {
    "customer_name": "سلمى",
    "what": "عشاء في مطعم الياسمين",
    "reference": "LM-4821",
    "starts_at": "2026-03-14T19:30:00+04:00",
    "timezone": "Asia/Dubai",
    "place": "مطعم الياسمين",
    "address": "شارع الوصل 12، دبي",
    "guests": 4,
    "total": {"amount": "640.00", "currency": "AED"},
    "note": "نحتفظ بطاولتكم لمدة 15 دقيقة.",
    "manage_url": "https://example.com/bookings/LM-4821",
}
TO = {"email": "ada@example.com", "sms": "+442079460018", "whatsapp": "+442079460018", "push": "c7kQ…"}
ADA_MAY_LEAVE = {**ADA, "unsubscribe_url": "https://notify.example.com/u/4fd1"}
LOOK = """
body { margin: 0; padding: 28px; background: #e9ebef; font: 600 26px -apple-system, "Segoe UI", Arial, sans-serif; }
body { zoom: 0.5; width: max-content; color: #16181d; }
main { display: grid; grid-template-columns: repeat(3, max-content); gap: 56px 64px; align-items: start; }
figure { margin: 0; display: flex; gap: 20px; flex-wrap: wrap; } figcaption { width: 100%; }
main > figure { width: 1035px; } main.phone > figure { width: 375px; }
iframe { border: 0; border-radius: 16px; width: 640px; color-scheme: light; }
iframe + iframe { width: 375px; border-radius: 40px; color-scheme: dark; }
main.phone { grid-template-columns: repeat(4, 375px); gap: 36px; }
.phone .preview { display: block; margin: 0; padding: 0; border: 0; background: none; font: 15px/1.5 Arial; }
.phone :is(.preview-facts, .preview-channel, .preview-hour, .preview-locks figcaption) { display: none; }
.phone .preview-locks > figure:has(.preview-ios) { display: none; }
.phone .preview-lock { width: 375px; min-height: 0; padding: 20px 14px; }
.phone .preview-handset { min-height: 0; }
"""
PAGE = {"light": "#f4f5f7", "dark": "#0d0e11"}
FIT = """
onload = () => document.querySelectorAll("iframe").forEach(
  (frame) => { frame.style.height = frame.contentDocument.documentElement.scrollHeight + "px" })
"""


def mail(name: str) -> str:
    """A mail twice: on a desk in the light, on a phone in the dark."""
    frame = _frame(name)
    return f"<figure><figcaption>{name}</figcaption>{frame}{frame}</figure>"


def alone(name: str, scheme: str, data: Mapping[str, Any] | None = None, whom: Mapping[str, str] = ADA) -> str:
    """A page with nothing but a mail, in the light or in the dark."""
    style = f":root {{ background: {PAGE[scheme]} }} body {{ margin: 0 }}"
    style += f" iframe {{ display: block; border: 0; width: 100vw; height: 100vh; color-scheme: {scheme} }}"
    return f"<!doctype html><style>{style}</style>{_frame(name, data, whom)}"


def _frame(name: str, data: Mapping[str, Any] | None = None, whom: Mapping[str, str] = ADA) -> str:
    template = compile_bundle(CATALOGUE[name])
    content = template.render("email", data or template.sample, {**_whom(template), **whom}, BRAND)
    html = content.html if isinstance(content, EmailContent) else None
    return f'<iframe scrolling="no" srcdoc="{escape(html or "")}"></iframe>'


def short(name: str, channel: str) -> str:
    """An SMS, a WhatsApp message or a push."""
    template = compile_bundle(CATALOGUE[name])
    content = template.render(channel, template.sample, _whom(template), BRAND)
    drawn = fragment(Shown(channel, dump_content(channel, content), sender=BRAND.name))
    return f"<figure><figcaption>{name}</figcaption>{drawn}</figure>"


def _whom(template: Template) -> dict[str, str]:
    return ADA_MAY_LEAVE if template.kind == "promotion" else ADA


def sheet(body: str) -> str:
    """A page of messages side by side, at half their size."""
    return f"<!doctype html><style>{STYLE.read_text()}{LOOK}</style>{body}<script>{FIT}</script>"


def kept(name: str) -> str:
    """The page that shows what was kept of a template, in every channel."""
    template = compile_bundle(CATALOGUE[name])
    contents = {channel: dump_content(channel, template.render(channel, template.sample, ADA, BRAND)) for channel in TO}
    drawn = [Shown(channel, content, TO[channel], BRAND.name) for channel, content in contents.items()]
    return page(drawn, name)


def draw(name: str, html: str, width: int, height: int) -> None:
    """A picture of a page, in WebP."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "page.html"
        path.write_text(html)
        subprocess.run(
            [shutil.which("chromium") or "google-chrome", "--headless", "--no-sandbox", "--disable-gpu",
             "--hide-scrollbars", "--disable-features=IsolateSandboxedIframes",
             f"--user-data-dir={folder}/profile", "--virtual-time-budget=20000",
             f"--window-size={width},{height}", f"--screenshot={HERE / name}.webp", path.as_uri()],
            check=True, capture_output=True,
        )  # fmt: skip


CATALOGUE = load_catalogue()
if __name__ == "__main__":
    draw("mail-light-desktop", alone("booking_confirmation", "light"), 760, 1070)
    draw("mail-dark-phone", alone("booking_confirmation", "dark"), 380, 1120)
    draw("mail-arabic", alone("booking_confirmation", "light", DINNER, SALMA), 600, 930)
    draw("outbox", kept("booking_confirmation"), 1500, 2340)
    for name, names in SHEETS.items():
        draw(name, sheet(f"<main>{''.join(map(mail, names))}</main>"), 1646, HEIGHTS[name])
    for channel, height in (("sms", 490), ("push", 480)):
        named = [name for name, bundle in CATALOGUE.items() if channel in compile_bundle(bundle).channels]
        body = f'<main class="phone">{"".join(short(name, channel) for name in named)}</main>'
        draw(f"messages-{channel}", sheet(body), 880, height)
