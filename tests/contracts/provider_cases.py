"""The providers under contract. A new one joins with a module in `cases/`, a line here, and its stand-in."""

from tests.contracts.cases import fcm, smtp, twilio

CASES = (smtp.CASE, twilio.CASE, fcm.CASE)
