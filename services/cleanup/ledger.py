"""The ledger as cleanup uses it: whoever serves notifications goes first."""

from sqlalchemy import make_url

from shared.ledger.database import Database


def yielding_database(url: str, *, lock_timeout: float, deadline: float) -> Database:
    """A pool whose sessions give way instead of waiting for a lock.

    Whoever waits for an exclusive lock on a table makes everybody who comes later wait behind it, and cleanup's
    locks are of that kind. Below PostgreSQL's `deadlock_timeout` (1 s) it also gives way before a deadlock is looked
    for, so it is never the other side whose transaction is ended.

    Parameters:
        lock_timeout: seconds a lock is waited for.
        deadline: seconds a statement may take.
    """
    parts = make_url(url)
    # No space: SQLAlchemy writes one as `+` into the URL, and libpq reads that as it stands. A tab it encodes.
    given = parts.query.get("options", ())
    options = "\t".join([*([given] if isinstance(given, str) else given), f"-clock_timeout={lock_timeout * 1000:.0f}"])
    patient = parts.update_query_dict({"options": options.replace(" ", "\t")})
    return Database(patient.render_as_string(hide_password=False), pool_size=8, deadline=deadline)
