"""Copies of a whole gradebook, in the same or the other database, checked row by row."""

import dataclasses
from collections.abc import Iterator
from typing import Any

from nbgrader.api import Base
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Float,
    MetaData,
    Select,
    String,
    Table,
    Text,
    inspect,
    select,
    text,
)

from nbjudge.core.errors import CourseError
from nbjudge.core.gradebook_place import GradebookPlace
from nbjudge.gradebook import creation
from nbjudge.gradebook.score_changes import TABLE, Change

AT_ONCE = 1000  # rows

HISTORY = Table(
    TABLE,
    MetaData(),
    Column("id", BigInteger, primary_key=True),
    *(
        Column(field.name, Float if field.name in ("before", "after") else Text)
        for field in dataclasses.fields(Change)
    ),
)


def copy(source: GradebookPlace, target: GradebookPlace) -> dict[str, int]:
    """Copy the gradebook in `source`, as it is at one moment; the number of rows in each table.

    Everything arrives or nothing, and the original stays as it is.

    Raises CourseError if there is a gradebook in `target`, or one of another version of nbgrader in
    `source`, or a row that `target` cannot hold as it is.
    """
    with creation.engine(source).connect() as old, creation.alone(target) as new:
        _begin(old)
        _check(old, source, new, target)
        creation.make_tables(new)
        tables = [*Base.metadata.sorted_tables, creation.VERSION]
        tables += [HISTORY] if inspect(old).has_table(TABLE) else []
        counts = {table.name: _copy(table, old, new) for table in tables}
        if new.dialect.name == "postgresql":
            new.execute(
                text(
                    f"SELECT setval(pg_get_serial_sequence('{TABLE}', 'id'), "
                    f"(SELECT coalesce(max(id), 0) + 1 FROM {TABLE}), false)"
                )
            )
        old.rollback()
    return counts


def _begin(connection: Connection) -> None:
    """Begin to read everything as it is at one moment."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
    else:
        connection.exec_driver_sql("BEGIN")


def _check(
    old: Connection, source: GradebookPlace, new: Connection, target: GradebookPlace
) -> None:
    if inspect(new).has_table("assignment"):
        raise CourseError(f"There is a gradebook in {target.shown} already, which stays as it is.")
    has_version = inspect(old).has_table(creation.VERSION.name)
    version = old.execute(select(creation.VERSION)).scalar() if has_version else None
    if version != creation.newest_version():
        raise CourseError(
            f"The gradebook {source.shown} is of another version of nbgrader: run "
            "`nbgrader db upgrade` first."
        )


def _copy(table: Table, old: Connection, new: Connection) -> int:
    count = 0
    for rows in old.execute(_all(table, old)).mappings().partitions(AT_ONCE):
        new.execute(table.insert(), [dict(row) for row in rows])
        count += len(rows)
    there = _read(table, new)
    if any(row != next(there, None) for row in _read(table, old)) or next(there, None):
        raise CourseError(f"The rows of the table {table.name} did not arrive as they were.")
    return count


def _read(table: Table, connection: Connection) -> Iterator[Any]:
    return (tuple(row) for row in connection.execute(_all(table, connection)))


def _all(table: Table, connection: Connection) -> Select[Any]:
    """A query for all rows of `table`, in the same order from either database."""
    columns: list[Any] = list(table.primary_key) or list(table.columns)
    if connection.dialect.name == "postgresql":
        columns = [
            column.collate("C") if isinstance(column.type, String) else column for column in columns
        ]
    return select(table).order_by(*columns).execution_options(yield_per=AT_ONCE)
