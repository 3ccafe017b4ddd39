"""The providers under contract. A new one joins with a module of one `Case` in `cases/`, its line here, and its stand-in
in `crier.sandbox`."""

from tests.contracts.cases import fcm, smtp, twilio

CASES = (smtp.CASE, twilio.CASE, fcm.CASE)
