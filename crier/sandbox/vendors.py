"""The HTTP vendors there are stand-ins for. A new one is a module or a folder, and a line here."""

from crier.sandbox.chat import Discord, Slack, Teams, Telegram
from crier.sandbox.fcm import Fcm
from crier.sandbox.mailgun import Mailgun
from crier.sandbox.onesignal import OneSignal
from crier.sandbox.sendgrid import SendGrid
from crier.sandbox.ses import Ses
from crier.sandbox.sms_gateway import SmsGateway
from crier.sandbox.twilio import Twilio
from crier.sandbox.vendor import HttpVendor
from crier.sandbox.webhook import WebhookReceiver

HTTP_VENDORS: tuple[type[HttpVendor], ...] = (
    Twilio, SmsGateway, SendGrid, Mailgun, Ses, Fcm, OneSignal, WebhookReceiver, Slack, Discord,
    Telegram, Teams,
)  # fmt: skip
