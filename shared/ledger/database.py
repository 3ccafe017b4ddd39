"""Connections to PostgreSQL: pooled, and never waited for longer than a deadline."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import Connection, Executable, Row, create_engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from shared.errors import LedgerUnavailable

_CONNECT_TIMEOUT = 2


class _BoundedConnection(psycopg.Connection[Any]):
    """A connection that gives up on a server that does not answer.

    A stopped server (SIGSTOP, a frozen disk) keeps its sockets open and acknowledges at the TCP level, so neither
    `connect_timeout` nor `tcp_user_timeout` nor `statement_timeout` ends the wait; a bound on the client's side does.
    """

    deadline: float | None = None
    connect_deadline: float = _CONNECT_TIMEOUT

    @classmethod
    def _connect_gen(cls, conninfo: str = "") -> Any:
        """Connecting, within `connect_deadline`: psycopg's own timeout is two seconds at least, as libpq's is."""
        until = monotonic() + cls.connect_deadline
        connecting = super()._connect_gen(conninfo)
        ready: Any = None
        while True:
            try:
                wanted = connecting.send(ready)
            except StopIteration as done:
                return done.value
            ready = yield wanted
            if monotonic() > until:
                raise psycopg.errors.ConnectionTimeout("connection timeout expired")

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        bound = timeout if self.deadline is None else min(self.deadline, timeout or self.deadline)
        try:
            return super().wait(gen, interval=interval, timeout=bound)
        except psycopg.OperationalError as error:
            if self.pgconn.transaction_status != TransactionStatus.ACTIVE:
                raise
            self.close()
            raise psycopg.OperationalError(f"PostgreSQL did not answer within {bound:g} s") from error


class Database:
    """A pool of connections to the ledger.

    Parameters:
        url: `postgresql://…`; every libpq parameter (`sslmode`, `sslrootcert`, …) may follow the `?`.
        pool_size: most connections at once; as many as threads that use it.
        deadline: seconds one statement may take; `None` for work that is rightly long (migrations, retention).
    """

    def __init__(self, url: str, *, pool_size: int = 8, deadline: float | None = 10.0) -> None:
        self.url = sqlalchemy_url(url)

        class Bounded(_BoundedConnection):
            connect_deadline = min(deadline or _CONNECT_TIMEOUT, _CONNECT_TIMEOUT)

        def connect() -> _BoundedConnection:
            conninfo = self.url.set(drivername="postgresql").render_as_string(hide_password=False)
            connection = Bounded.connect(conninfo, connect_timeout=_CONNECT_TIMEOUT, application_name="crier")
            connection.deadline = deadline
            return connection

        self._engine = create_engine(
            self.url, creator=connect, pool_size=pool_size, max_overflow=0, pool_timeout=min(deadline or 30.0, 30.0)
        )
        self._single = self._engine.execution_options(isolation_level="AUTOCOMMIT")

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Several statements, committed together.

        Raises:
            LedgerUnavailable: the server is gone, hung, out of disk or out of connections.
        """
        with _plainly(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def statement(self) -> Iterator[Connection]:
        """A connection whose every statement commits by itself, in one round trip."""
        with _plainly(), self._single.connect() as connection:
            yield connection

    def rows(self, statement: Executable, parameters: Mapping[str, Any] | None = None) -> Sequence[Row[Any]]:
        """The rows of one statement, run and committed by itself."""
        with self.statement() as connection:
            return connection.execute(statement, parameters or {}).all()

    def execute(self, statement: Executable, parameters: Mapping[str, Any] | None = None) -> int:
        """Run and commit one statement; how many rows it touched."""
        with self.statement() as connection:
            return connection.execute(statement, parameters or {}).rowcount

    def driver_rows(self, statement: str, parameters: Mapping[str, Any]) -> Sequence[tuple[Any, ...]]:
        """The rows of one statement in psycopg's own style (`%(name)s`), run and committed by itself.

        For what is run once a request, or for every message: SQLAlchemy's share of a short statement, or of a row, is
        larger than PostgreSQL's.
        """
        with _plainly():
            pooled = self._engine.raw_connection()
            connection: Any = pooled.driver_connection
            try:
                connection.autocommit = True
                rows: Sequence[tuple[Any, ...]] = connection.execute(statement, parameters).fetchall()
                connection.autocommit = False
            except psycopg.Error:
                pooled.invalidate()
                if connection.broken:
                    # The server went away: what else is in the pool is as dead.
                    self._engine.dispose()
                raise
            finally:
                pooled.close()
        return rows

    def close(self) -> None:
        """Close every pooled connection."""
        self._engine.dispose()


def driver_rows(connection: Connection, statement: str, parameters: Mapping[str, Any]) -> Sequence[tuple[Any, ...]]:
    """As `Database.driver_rows`, in a transaction of the caller's."""
    driver: Any = connection.connection.driver_connection
    try:
        rows: Sequence[tuple[Any, ...]] = driver.execute(statement, parameters).fetchall()
    except psycopg.Error:
        if driver.broken:
            connection.invalidate()
            connection.engine.dispose()
        raise
    return rows


def driver_run(connection: Connection, statement: str, parameters: Iterable[Mapping[str, Any]]) -> None:
    """Run a statement in psycopg's own style once for each of `parameters`, which are made while the server works.

    In a transaction of the caller's. An error is raised at the end, at the latest, and nothing after it was run.
    """
    driver: Any = connection.connection.driver_connection
    try:
        with driver.pipeline(), driver.cursor() as cursor:
            for each in parameters:
                cursor.execute(statement, each)
    except psycopg.Error:
        if driver.broken:
            connection.invalidate()
            connection.engine.dispose()
        raise


def sqlalchemy_url(url: str) -> URL:
    """`postgresql://…` or `postgres://…` as SQLAlchemy and psycopg 3 want it."""
    return make_url(url).set(drivername="postgresql+psycopg")


@contextmanager
def _plainly() -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeout, psycopg.OperationalError, psycopg.InterfaceError) as error:
        raise LedgerUnavailable(f"The ledger is not available: {_first_line(error)}") from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise LedgerUnavailable(f"The ledger is not available: {_first_line(error)}") from error
        raise


def _first_line(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error).strip().splitlines()[0]
