"""Creation of a gradebook: nbgrader's tables and the history's, in one transaction, under a lock.

nbgrader itself makes its tables first, and then runs the program alembic for the one that says
which version they are. Without alembic on the PATH the gradebook stays half made, and programs that
open a fresh one at once collide. One that was left half made is completed here.
"""

import contextlib
from collections.abc import Iterator

from alembic.script import ScriptDirectory
from nbgrader.api import Base
from nbgrader.api import Course as GradebookCourse
from nbgrader.dbutil import ALEMBIC_DIR
from sqlalchemy import (
    Column,
    Connection,
    Engine,
    MetaData,
    String,
    Table,
    create_engine,
    event,
    inspect,
    select,
    text,
)
from sqlalchemy.pool import NullPool

from nbjudge.core.errors import CourseError
from nbjudge.core.gradebook_place import GradebookPlace
from nbjudge.gradebook import history, history_postgresql, postgresql
from nbjudge.gradebook.score_changes import TABLE, triggers

VERSION = Table("alembic_version", MetaData(), Column("version_num", String(32), nullable=False))
COURSE = "default_course"
"""The course that nbgrader's `Gradebook` works on unless it is told another."""

_MADE = {
    "sqlite": "SELECT name FROM sqlite_master",
    "postgresql": "SELECT relname FROM pg_class WHERE pg_table_is_visible(oid) "
    "UNION SELECT tgname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid "
    "WHERE pg_table_is_visible(pg_class.oid)",
}
"""The names of tables and triggers, by the dialect."""


def ensure(place: GradebookPlace) -> None:
    """Have a complete gradebook in `place`, which keeps the history of its scores.

    Raises CourseError if there are tables there that this nbgrader did not make, and what
    SQLAlchemy raises if the gradebook cannot be written.
    """
    with engine(place).connect() as connection:
        if _is_complete(connection):
            return
    with alone(place) as connection:
        make_tables(connection)
        if not connection.execute(select(VERSION)).first():
            _check_columns(connection, place)
            connection.execute(VERSION.insert().values(version_num=newest_version()))
        courses = GradebookCourse.__table__
        if not connection.execute(select(courses).where(courses.c.id == COURSE)).first():
            connection.execute(courses.insert().values(id=COURSE))


def _is_complete(connection: Connection) -> bool:
    names = connection.execute(text(_MADE[connection.dialect.name]))
    return {VERSION.name, TABLE, *triggers()} <= set(names.scalars())


def make_tables(connection: Connection) -> None:
    """Make whatever is missing of the tables and triggers, without any rows."""
    Base.metadata.create_all(connection)
    VERSION.create(connection, checkfirst=True)
    for statement in history.statements(connection.dialect.name == "postgresql"):
        connection.execute(text(statement.replace(":", r"\:")))


def newest_version() -> str:
    """The version of the tables that this nbgrader makes."""
    found = ScriptDirectory(ALEMBIC_DIR).get_current_head()
    assert found is not None, "nbgrader's versions are in one line"
    return found


def _check_columns(connection: Connection, place: GradebookPlace) -> None:
    """Raise CourseError if tables without a version are older than this nbgrader's."""
    inspector = inspect(connection)
    for table in Base.metadata.sorted_tables:
        columns = {column["name"] for column in inspector.get_columns(table.name)}
        if not set(table.columns.keys()) <= columns:
            raise CourseError(
                f"The gradebook {place.shown} is of another version of nbgrader: its table "
                f"{table.name} lacks columns, and it does not say which version it is."
            )


def remove(place: GradebookPlace) -> None:
    """Remove all tables of a gradebook in PostgreSQL, together or not at all."""
    with alone(place) as connection:
        Base.metadata.drop_all(connection)
        for name in (VERSION.name, TABLE):
            connection.execute(text(f"DROP TABLE IF EXISTS {name}"))
        for name in history_postgresql.functions():
            connection.execute(text(f"DROP FUNCTION IF EXISTS {name}"))


def engine(place: GradebookPlace) -> Engine:
    """A way to the gradebook that keeps no connection, and has SQLite begin as it is told to."""
    made = create_engine(place.url, poolclass=NullPool)
    if not place.is_postgresql:
        # Python's sqlite3 would begin only before a change of rows, and not of tables
        event.listen(made, "connect", lambda connection, _: _begin_nothing(connection))
    return made


def _begin_nothing(connection: object) -> None:
    connection.isolation_level = None  # type: ignore[attr-defined]


@contextlib.contextmanager
def alone(place: GradebookPlace) -> Iterator[Connection]:
    """A transaction in `place` while no other one of this package's writes."""
    with engine(place).connect() as connection, connection.begin():
        if place.is_postgresql:
            postgresql.give_up_soon(connection)
            postgresql.lock(connection)
        else:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield connection
