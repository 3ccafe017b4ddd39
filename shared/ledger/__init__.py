"""The ledger: PostgreSQL tables and the statements over them. What is not in the ledger did not happen.

acceptance   rows in, one statement            work      claim, start, settle, release
recovery     what the relay does               history   what happened, for people
actions      cancel and retry                  keys, devices, template_store   what the rest hangs on
"""
