"""PostgreSQL: connections, the one lock of all programs that write, and lost connections."""

import contextlib
import functools
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import ORMExecuteState, Session
from sqlalchemy.pool import NullPool

from nbjudge.core.course import Course
from nbjudge.core.errors import CourseError
from nbjudge.core.gradebook_place import GradebookPlace
from nbjudge.gradebook.problems import DRIVER, unusable

LOCK = 0x6E626A75646765
"""Number of the advisory lock of this package: `nbjudge` in ASCII."""

LOCK_SECONDS = 10.0
"""How long a command waits for what another program has locked."""

PATIENCE = 60.0
"""Seconds that a command waits for a server that is being restarted."""

Answer = TypeVar("Answer")


@functools.lru_cache
def _engine(url: str) -> Engine:
    return create_engine(url, poolclass=NullPool)


@contextlib.contextmanager
def errors(course: Course) -> Iterator[None]:
    """Convert the errors of a server, and of a missing driver, to CourseError."""
    try:
        yield
    except ImportError as error:
        raise CourseError(DRIVER) from error
    except DBAPIError as error:
        raise unusable(course, str(error.orig)) from error


@contextlib.contextmanager
def reading(place: GradebookPlace) -> Iterator[Connection]:
    """A connection that sees the gradebook as it is at one moment, and cannot write."""
    options: dict[str, Any] = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with _engine(place.url).connect().execution_options(**options) as connection:
        yield connection


def fetched(connection: Connection, query: str, parameters: Mapping[str, Any]) -> list[Any]:
    return [tuple(row) for row in connection.execute(text(query), parameters)]


def refuse_writes(connection: Any, _: Any) -> None:
    """Have all transactions of a new connection only read."""
    _set(connection, "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")


def refuse_to_wait(connection: Any, _: Any) -> None:
    """Have a new connection give up after some seconds of waiting for a lock, as SQLite does."""
    _set(connection, f"SET lock_timeout = {LOCK_SECONDS * 1000:.0f}")


def _set(connection: Any, statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
    connection.commit()  # or a rollback would take it back


def give_up_soon(connection: Connection) -> None:
    """Have this one transaction not wait for long either."""
    connection.execute(text(f"SET LOCAL lock_timeout = {LOCK_SECONDS * 1000:.0f}"))


def lock(connection: Connection | Session) -> None:
    """Be the only program of this package that writes, until the transaction ends.

    Two that enter the same new student would collide.
    """
    connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": LOCK})


def check_writable(place: GradebookPlace) -> None:
    """Raise what the server says if the table of grades cannot be written."""
    with _engine(place.url).connect() as connection:
        give_up_soon(connection)
        connection.execute(text("LOCK TABLE grade IN ROW EXCLUSIVE MODE"))
        connection.rollback()


def despite_restarts(action: Callable[[], Answer]) -> Answer:
    """Carry out `action`, a whole transaction, and again if its connection is lost.

    So a server may be restarted in the middle of a run. What is entered twice is the same.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return action()
        except Exception as error:
            if not _is_lost(error) or time.monotonic() > deadline:
                raise
        time.sleep(0.5)


def _is_lost(error: BaseException | None) -> bool:
    """Whether a lost connection is behind `error`, or one that could not be made."""
    while error is not None:
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            return True
        if isinstance(error, OperationalError) and error.statement is None:
            return True
        error = error.__cause__ or error.__context__
    return False


@event.listens_for(Session, "do_orm_execute")
def _begin_again(state: ORMExecuteState) -> None:
    """Leave a transaction whose connection was lost, if nothing in it waits to be written.

    The formgrader has one session for as long as Jupyter runs, in which otherwise every call would
    fail after the server was restarted.
    """
    session = state.session
    if session.in_transaction() and not (session.new or session.dirty or session.deleted):
        if session.is_active and session.connection().invalidated:
            session.rollback()
