"""Settings in course.toml: which there are, what each may be, and where the file says otherwise.

Each table of the file is a model of pydantic's, and each field's description says what the field
must be. tomlkit finds the line of a setting that is refused.
"""

import difflib
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

import pydantic
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, create_model

from nbjudge.core.errors import CourseError
from nbjudge.core.gradebook_place import LONGEST_NAME
from nbjudge.core.limits import SETTINGS as LIMITS

Place = tuple[str | int, ...]
"""Keys and positions that lead to a setting in the file: ("assignment", 0, "limits", "cells")."""

MOST = 10_000  # of days and attempts

A_TIME = "a date and time with its offset from UTC, like 2026-10-15T23:59:00+02:00"
TABLES = "written as [[{}]] tables"

Text = Annotated[str, Field(description="text")]
Name = Annotated[
    str,
    Field(
        pattern=r"^\w[\w.-]*(/\w[\w.+() -]*)?$",
        max_length=LONGEST_NAME,
        description=f"text: a name of at most {LONGEST_NAME} letters, digits, '_', '.' and '-', "
        "as in source/",
    ),
]
Texts = Annotated[list[str], Field(description="a list of texts")]
Time = Annotated[AwareDatetime | None, Field(description=A_TIME)]
Count = Annotated[int | None, Field(ge=0, lt=MOST, description="a whole number of at least 0")]
Positive = Annotated[int | None, Field(ge=1, lt=MOST, description="a whole number of at least 1")]


class _Table(BaseModel):
    """A table of the file, without settings that nobody knows."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


def _limit(kind: type, least: float, most: float) -> Any:
    number = "a whole number" if kind is int else "a number"
    words = f"{number} from {least:,} to {most:,}"
    return Annotated[kind | None, Field(ge=least, le=most, description=words)]


_LIMITS: dict[str, Any] = {
    name: (_limit(found.__origin__, *found.__metadata__), None) for name, found in LIMITS.items()
}
LimitSettings: Any = create_model("LimitSettings", __base__=_Table, **_LIMITS)
"""The table [assignment.limits]: the limits, by the names and with the ranges of `Limits`."""


class AssignmentSettings(_Table):
    """A table [[assignment]]."""

    name: Name
    title: Text
    packages: Texts
    files: Texts = []
    scorer: Text = ""
    tests: Annotated[
        Literal["evidence", "asserts"], Field(description="'evidence' or 'asserts'")
    ] = "evidence"
    limits: Annotated[LimitSettings, Field(description="a table of settings")] = LimitSettings()
    due: Time = None
    attempts: Positive = None
    counts: Annotated[Literal["latest", "first"], Field(description="'latest' or 'first'")] = (
        "latest"
    )
    late_days: Count = None
    late_penalty: Annotated[float, Field(ge=0, le=1, description="a share from 0 to 1")] = 0.0
    late_limit: Count = None


class ExceptionSettings(_Table):
    """A table [[exception]]."""

    student: Text
    assignment: Text
    until: Time = None
    days: Annotated[float, Field(ge=0, lt=MOST, description="a number of at least 0")] = 0.0
    attempt: Positive = None
    handed_in: Time = None


class TermSettings(_Table):
    """The table [course]."""

    term: Text = ""
    weights: Annotated[
        dict[str, Annotated[float, Field(ge=0, lt=1e6)]],
        Field(description="a table of numbers of at least 0, by the names of assignments"),
    ] = {}
    drop_lowest: Annotated[
        int, Field(ge=0, lt=MOST, description="a whole number of at least 0")
    ] = 0


class CourseSettings(_Table):
    """The whole file."""

    title: Text = ""
    library: Annotated[
        str,
        Field(
            pattern=r"^([^\W\d]\w*)?$",
            description="the name of a package as Python imports it",
        ),
    ] = ""
    release_address: Annotated[
        str,
        Field(
            pattern=r"^(https?://[!-~]+)?$",
            description="the http or https address that release/ is served at",
        ),
    ] = ""
    late_days: Count = None
    course: Annotated[TermSettings, Field(description="a table of settings")] = TermSettings()
    environment: Annotated[
        dict[str, str], Field(description="a table that sets each variable to text")
    ] = {}
    assignment: Annotated[
        list[AssignmentSettings], Field(description=TABLES.format("assignment"))
    ] = []
    exception: Annotated[
        list[ExceptionSettings], Field(description=TABLES.format("exception"))
    ] = []


def read_settings(path: Path) -> CourseSettings:
    """The settings in the course.toml at `path`.

    Raises CourseError for a setting that is unknown, missing, of another type, out of its range, or
    at odds with others; it says where.
    """
    try:
        text = path.read_text(encoding="utf-8")
        raw = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CourseError(f"{path} is not valid TOML: {error}.") from error
    try:
        settings = CourseSettings.model_validate(raw)
    except pydantic.ValidationError as error:
        problems = [(tuple(one["loc"]), _sentence(one)) for one in error.errors()]
    else:
        problems = list(_contradictions(settings))
    if problems:
        place, sentence = min(problems, key=lambda problem: _line(text, problem[0]))
        raise CourseError(f"{_where(path, text, raw, place)} {sentence}")
    return settings


def _sentence(error: Any) -> str:
    """What is wrong with a setting, after the words that say where."""
    place, given = tuple(error["loc"]), error["input"]
    if error["type"] == "extra_forbidden":
        kind = "table" if isinstance(given, dict | list) else "setting"
        return f"there is the unknown {kind} {place[-1]!r}{_hint(place)}"
    if error["type"] == "missing":
        return f"it lacks the setting {place[-1]!r}."
    field, name = _field(place)
    shown = repr(str(given)) if hasattr(given, "isoformat") else repr(given)
    if str(field.description).startswith("written as"):
        return f"{name}s are {field.description}, not as {shown}."
    return f"{name} must be {field.description}, not {shown}."


def _models() -> dict[Place, type[BaseModel]]:
    """The model of each table, by its place without positions."""
    return {
        (): CourseSettings,
        ("assignment",): AssignmentSettings,
        ("assignment", "limits"): LimitSettings,
        ("exception",): ExceptionSettings,
        ("course",): TermSettings,
    }


def _field(place: Place) -> tuple[Any, str]:
    """The field that `place` leads to or into, and its name."""
    named = tuple(part for part in place if isinstance(part, str))
    while True:
        model = _models().get(named[:-1])
        if model is not None and named[-1] in model.model_fields:
            return model.model_fields[named[-1]], str(named[-1])
        named = named[:-1]


def _hint(place: Place) -> str:
    """Which setting is meant by the unknown one at `place`, as the end of a sentence."""
    *table, name = (part for part in place if isinstance(part, str))
    known = _models()[tuple(table)].model_fields
    homes = [home for home, model in _models().items() if name in model.model_fields]
    if homes:
        return f"; it belongs in {_table_name(homes[0])}."
    return _guess(name, known) or f"; there are {', '.join(known)}."


def _guess(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'days'?` after a sentence about the unknown `word`; may be empty."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _table_name(table: Place) -> str:
    if not table:
        return "the first lines, before all tables"
    name = ".".join(map(str, table))
    is_single = len(table) > 1 or table == ("course",)
    return f"[{name}]" if is_single else f"[[{name}]]"


def _contradictions(settings: CourseSettings) -> Iterable[tuple[Place, str]]:
    """What is wrong between settings that are right by themselves, and where."""
    if not settings.assignment:
        yield (), "the file lists no [[assignment]]."
    names = [one.name for one in settings.assignment]
    for number, table in enumerate(settings.assignment):
        if "/" in table.name and table.tests != "asserts":
            what = AssignmentSettings.model_fields["name"].description
            yield ("assignment", number, "name"), f"name must be {what}, not {table.name!r}."
    for number, name in enumerate(names):
        if name in names[:number]:
            yield ("assignment", number, "name"), f"there are two assignments called {name!r}."
    has_due = {one.name: one.due is not None for one in settings.assignment}
    yield from _contradictions_in_term(settings.course, names)
    seen: set[tuple[str, str]] = set()
    for number, one in enumerate(settings.exception):
        place = "exception", number
        whom = one.student, one.assignment
        if one.assignment not in has_due:
            guess = _guess(one.assignment, names) or "."
            yield (*place, "assignment"), f"there is no assignment {one.assignment!r}{guess}"
        elif whom in seen:
            yield place, f"there are two tables for {one.student}, {one.assignment}."
        elif {"until", "days"} <= one.model_fields_set:
            yield (*place, "days"), "give until or days, not both."
        elif (one.until or one.days) and not has_due[one.assignment]:
            yield place, f"{one.assignment} has no due date to extend."
        seen.add(whom)


def _contradictions_in_term(term: TermSettings, names: list[str]) -> Iterable[tuple[Place, str]]:
    """What is wrong between the table [course] and the names of the assignments, and where."""
    for name in term.weights:
        if name not in names:
            guess = _guess(name, names) or "."
            yield ("course", "weights", name), f"there is no assignment {name!r}{guess}"
    if term.weights and not sum(term.weights.values()):
        yield ("course", "weights"), "one of the weights must be above 0."
    counted = [name for name in names if term.weights.get(name, 0 if term.weights else 1)]
    most = max(0, len(counted) - 1)
    if term.drop_lowest > most:
        yield ("course", "drop_lowest"), f"drop_lowest can be at most {most}, so that one is left."


def _where(path: Path, text: str, raw: Any, place: Place) -> str:
    """The file, the line, and the table of a setting, before a colon."""
    line = _line(text, place)
    start = f"{path}:{line}:" if line else f"{path}:"
    match place:
        case ("assignment", int(), "limits", *_):
            return f"{start} [assignment.limits] {_called(raw, place, 'name', 'of ')}:"
        case ("assignment", int(), *_):
            return f"{start} [[assignment]] {_called(raw, place, 'name')}:"
        case ("exception", int(), *_):
            return f"{start} [[exception]] {_called(raw, place, 'student', 'for ')}:"
        case ("course", *_):
            return f"{start} [course]:"
        case ("environment", *_):
            return f"{start} [environment]:"
    return start


def _called(raw: Any, place: Place, name: str, before: str = "") -> str:
    """What the table at `place` is called by its setting `name`, or else its number."""
    table, number = place[:2]
    entry = raw[table][number]
    found = entry.get(name) if isinstance(entry, dict) else None
    return f"{before}{found}" if isinstance(found, str) else f"number {int(number) + 1}"


MARK = "#\0"
"""A comment that no file contains."""


def _line(text: str, place: Place) -> int:
    """The line of the setting at `place`, or of the table that lacks it; 0 if it is not found."""
    import tomlkit  # needed only to say where something is wrong
    from tomlkit.exceptions import TOMLKitError
    from tomlkit.items import AbstractTable

    try:
        document = tomlkit.parse(text)
    except TOMLKitError:
        return 0
    for item in reversed(_items(document, place)):
        lines = 0 if isinstance(item, AbstractTable) else item.as_string().count("\n")
        comment, item.trivia.comment = item.trivia.comment, MARK
        before, found, _ = document.as_string().partition(MARK)
        if found:
            return before.count("\n") + 1 - lines
        item.trivia.comment = comment  # within an array or an inline table, none is written
    return 0


def _items(document: Any, place: Place) -> list[Any]:
    """The items of tomlkit's that lead to `place`, as far as they exist."""
    from tomlkit.items import AbstractTable, AoT

    found: list[Any] = []
    item = document
    for part in place:
        table = item.value if isinstance(item, AbstractTable) else item
        try:
            item = table.item(part) if isinstance(part, str) else item[part]
        except (AttributeError, LookupError, TypeError, ValueError):
            break  # it is not there: the setting is missing, or is in a table of dotted keys
        found += [item[0] if isinstance(item, AoT) else item]
    return [item for item in found if hasattr(item, "trivia")]
