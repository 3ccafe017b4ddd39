"""The PDF of a payment receipt."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from pypdf import PdfReader

from shared.messages.email import Attachment, EmailContent
from shared.templates.brand import Brand
from shared.templates.bundle import Bundle
from shared.templates.compiled import Template, compile_bundle


@pytest.fixture
def receipt(catalogue: dict[str, Bundle]) -> Template:
    return compile_bundle(catalogue["payment_receipt"])


def attached(template: Template, data: dict[str, Any], to: dict[str, Any], brand: Brand) -> Attachment:
    content = template.render("email", template.check(data), to, brand)
    assert isinstance(content, EmailContent)
    (attachment,) = content.attachments
    return attachment


def text_of(attachment: Attachment) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(attachment.content)).pages)


def test_the_receipt_has_every_line(receipt: Template, brand: Brand, recipient: dict[str, Any]) -> None:
    attachment = attached(receipt, dict(receipt.sample), recipient, brand)
    assert attachment.filename == "receipt-2026-0317.pdf"
    assert attachment.content_type == "application/pdf"
    text = text_of(attachment)
    for expected in (
        "£177.60", "14 March 2026", "Visa ending in 4242", "2026-0317", "Lumen", "VAT GB 123 4567 89",
        "Ada Byron", "7 Engine Row", "Studio plan, March 2026", "£96.00", "Additional seats", "2.5", "Subtotal",
        "£148.00", "VAT 20%", "£29.60", "Page 1 of 1",
    ):  # fmt: skip
        assert expected in text, expected
    document = PdfReader(io.BytesIO(attachment.content)).metadata
    assert document is not None
    assert document.title == "Receipt 2026-0317"


def test_awkward_data_is_shown_as_it_is(
    receipt: Template, awkward: Callable[[Template], dict[str, Any]], recipient: dict[str, Any]
) -> None:
    """Names in any script do not crash it, and typst's own syntax in data is text."""
    data = awkward(receipt) | {
        "customer_name": '#panic("x") *b* $1$ @ref \\u{41} 王小明 שלום 😀',
        "receipt_number": "7",
    }
    text = text_of(attached(receipt, data, recipient, Brand(name="عيادة النور", accent="#ffd400")))
    assert '#panic("x") *b* $1$ @ref \\u{41}' in " ".join(text.split())
    assert "Page 2 of" in text


def test_the_file_name_is_only_a_name(receipt: Template, brand: Brand) -> None:
    data = dict(receipt.sample) | {"receipt_number": '../../etc/"passwd'}
    assert attached(receipt, data, {}, brand).filename == "receipt-..-..-etc-passwd.pdf"


def test_a_receipt_of_almost_nothing(
    receipt: Template, minimal: Callable[[Template], dict[str, Any]], recipient: dict[str, Any]
) -> None:
    data = minimal(receipt) | {"items": []}
    text = text_of(attached(receipt, data, {"email": "ada@example.com"}, Brand()))
    assert "ada@example.com" in text
    assert "Subtotal" not in text
    assert "none" not in text.lower()
