"""The peers: the same work on Celery, RQ and plain Dramatiq, as plainly and as fast as it is done well.

They promise less, which makes them faster: a task is acknowledged before it runs (Celery, RQ), nothing is validated,
and what is enqueued after its INSERT is not part of the transaction.
"""

from bench.peer.rows import make_tables

__all__ = ["make_tables"]
