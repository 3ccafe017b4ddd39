"""The providers under contract. A new one joins with a module in `cases/`, a line here, and its stand-in."""

from tests.contracts.cases import chat, fcm, http_gateway, mailgun, onesignal, sendgrid, ses, smtp, twilio

CASES = (
    smtp.CASE,
    sendgrid.CASE,
    mailgun.CASE,
    ses.CASE,
    twilio.SMS,
    http_gateway.CASE,
    twilio.WHATSAPP,
    fcm.CASE,
    onesignal.CASE,
    *chat.CASES,
)
