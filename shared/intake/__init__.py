"""Intake: the one way in. A request is checked here and committed to the ledger, by the gateway or by a Python process.

intake      Intake.accept, accept_many                  drafts      recipients become drafts, row by row
request     what a caller may say                       templates   the pinned version, compiled once
envelope    what is said once, by every rule            canonical   one JSON form, or a refusal
recipient   whom it goes to                             problems    every problem by its field's path
fields      moments, time zones, metadata               receipts    what the caller is answered
"""

from shared.intake.intake import Intake
from shared.intake.receipts import BulkReceipt, Receipt

__all__ = ["BulkReceipt", "Intake", "Receipt"]
