"""Twilio's error codes that mean something else than the HTTP status they come with.

Codes and meanings: https://www.twilio.com/docs/api/errors and the page of each, e.g.
https://www.twilio.com/docs/api/errors/21610. Those from 30001 on are reported after a message was accepted, in
status callbacks and look-ups.

What is not in the table goes by its status (`shared.http.refusal`), among others:

- 20429 (429): never processed, safe to repeat (https://www.twilio.com/docs/api/errors/20429).
- 20500, 20503 (5xx): not safe to repeat; the page of 20500 warns of recipients who get a message twice.
- 20003 (401), 20403 (403): credentials are wrong, the account is suspended or closed.
- 21610 (400): the recipient answered STOP to this sender; another sender may still write.
- 21408, 21612, 21703 (400): region not enabled, no route or no sender of the service's for this number.
"""

from collections.abc import Mapping

from shared.providers.outcomes import DEAD, FAULT, REFUSED, Outcome, after

QUEUE_FULL = 900.0
"""Seconds. A queue overflows when it holds hours of messages, so there is no room again within seconds."""
UNREACHABLE = 1800.0
"""Seconds until a handset that was switched off or out of reach is worth another try."""

OUTCOMES: Mapping[int, Outcome] = {
    10001: FAULT,  # account not active
    20005: FAULT,  # account not active
    21211: DEAD,  # not a telephone number
    21611: after(QUEUE_FULL),  # this sender's queue is full
    21614: DEAD,  # not a mobile number
    21635: DEAD,  # a landline
    21701: FAULT,  # the Messaging Service does not exist
    21702: FAULT,  # the Messaging Service does not send
    21704: FAULT,  # the Messaging Service has no sender at all
    21705: FAULT,  # not the SID of a Messaging Service
    30001: after(QUEUE_FULL),  # queue overflow
    30002: FAULT,  # account suspended
    30003: after(UNREACHABLE),  # handset unreachable
    30004: REFUSED,  # message blocked
    30005: DEAD,  # unknown handset
    30006: DEAD,  # landline or unreachable carrier
    30007: REFUSED,  # filtered by the carrier
    30008: after(UNREACHABLE),  # unknown error of the carrier
    30022: after(QUEUE_FULL),  # the campaign's rate is exceeded
    30034: REFUSED,  # sender not registered
    30036: REFUSED,  # the validity period ended in the queue
    30450: REFUSED,  # blocked as fraud
    90010: FAULT,  # account not active
}
