"""The providers under contract. A new one joins with a module in `cases/`, a line here, and its stand-in."""

from tests.contracts.cases import fcm, mailgun, onesignal, sendgrid, ses, smtp, twilio

CASES = (smtp.CASE, sendgrid.CASE, mailgun.CASE, ses.CASE, twilio.SMS, twilio.WHATSAPP, fcm.CASE, onesignal.CASE)
