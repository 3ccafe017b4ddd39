"""The peer: the same work on Celery, as plainly and as fast as it is done well.

It promises less, which makes it faster: a task is acknowledged before it runs, nothing is validated, and what it
enqueues after its INSERT is not part of the transaction.
"""

from bench.peer.rows import make_tables

__all__ = ["make_tables"]
