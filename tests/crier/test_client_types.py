"""The types of what a client asks for are the gateway's; and what `from crier import` finds."""

import subprocess
import sys
from typing import Any, get_args, get_type_hints

import pytest

import crier
from crier import recipients, request
from services.gateway import devices, people_schemas, sender_identity
from shared.intake.digests import DigestSchema
from shared.intake.recipient import RecipientSchema
from shared.intake.request import CONTENT_KINDS, POLICIES, EnvelopeSchema, RowSchema
from shared.ledger.chain_rules import GOALS
from shared.messages.content import CHANNELS, LANES
from shared.messages.email import AttachmentSchema, EmailContentSchema
from shared.messages.inapp import ActionSchema, InAppContentSchema
from shared.messages.push import (
    INTERRUPTION_LEVELS,
    PRIORITIES,
    AndroidOptionsSchema,
    IosOptionsSchema,
    PushContentSchema,
)
from shared.messages.sms import SmsContentSchema
from shared.messages.webhook import WebhookContentSchema
from shared.messages.whatsapp import WhatsAppContentSchema
from shared.senders.identity import BRAND_FIELDS


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (request.Recipient, RecipientSchema), (request.Row, RowSchema), (request.Digest, DigestSchema),
        (request.Attachment, AttachmentSchema),
        (request.EmailContent, EmailContentSchema), (request.SmsContent, SmsContentSchema),
        (request.WhatsAppContent, WhatsAppContentSchema), (request.PushContent, PushContentSchema),
        (request.InAppContent, InAppContentSchema), (request.Action, ActionSchema),
        (request.WebhookContent, WebhookContentSchema),
        (request.AndroidOptions, AndroidOptionsSchema), (request.IosOptions, IosOptionsSchema),
        (request.Identity, sender_identity.SenderIdentitySchema),
        (request.EmailIdentity, sender_identity.EmailIdentitySchema),
        (request.SmsIdentity, sender_identity.SmsIdentitySchema),
        (recipients.Profile, people_schemas.RecipientRequestSchema), (recipients.Window, people_schemas.WindowSchema),
    ],
)  # fmt: skip
def test_requests_have_the_fields_the_gateway_takes(ours: Any, theirs: Any):
    taken = {field.data_key or name: field for name, field in theirs().fields.items() if not field.dump_only}
    assert set(ours.__annotations__) == set(taken)
    assert ours.__required_keys__ == {name for name, field in taken.items() if field.required}


def test_requests_have_the_words_the_gateway_takes():
    assert set(request.Envelope.__annotations__) == set(EnvelopeSchema().fields) - {"channel"}
    assert set(request.Brand.__annotations__) == set(BRAND_FIELDS)
    words = (request.Channel, request.Lane, request.Kind, request.OnUnknown, request.Platform, request.Until)
    assert [get_args(word) for word in words] == [CHANNELS, LANES, CONTENT_KINDS, POLICIES, devices.PLATFORMS, GOALS]
    assert tuple(request.ContentByChannel.__annotations__) == CHANNELS
    push, ios = get_type_hints(request.PushContent), get_type_hints(request.IosOptions)
    assert get_args(push["priority"]) == PRIORITIES
    assert get_args(ios["interruption_level"]) == INTERRUPTION_LEVELS


def test_what_is_imported_from_crier_is_there():
    assert all(getattr(crier, name) for name in crier.__all__)
    assert set(crier.__all__) <= set(dir(crier))
    with pytest.raises(AttributeError, match="module 'crier' has no attribute 'Clinet'"):
        crier.Clinet  # noqa: B018


def test_importing_the_client_brings_neither_the_engine_nor_the_ledger():
    script = (
        "import sys; from crier import Client\n"
        "print(sorted({'dramatiq', 'sqlalchemy', 'marshmallow', 'jinja2', 'rich', 'click'} & set(sys.modules)))"
    )
    assert subprocess.check_output([sys.executable, "-c", script], text=True).strip() == "[]"
