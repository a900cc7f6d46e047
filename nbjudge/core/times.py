"""Submission times: parsing, formatting, and wording.

Every time that leaves this module is aware and in UTC, so that differences are true seconds even
when clocks change. A time without a zone is in the zone that the caller names. A zone that is only
an abbreviation (CEST, EST, IST) may mean several offsets, or none: nothing is guessed.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from pathlib import Path

from nbjudge.core.files import NotAFile, TooLarge, read_regular_file

TIMESTAMP = "timestamp.txt"
"""The file, next to a submission, in which nbgrader keeps the submission time."""

LONGEST_TIMESTAMP = 1_000  # bytes

WRITTEN = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})[T ]\s*"
    r"(?P<hour>[0-9]{1,2})(?P<rest>:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?)\s*(?P<zone>.*)"
)
OFFSET = re.compile(
    r"(?:UTC|GMT)?(?P<sign>[+-])(?P<hours>[0-9]{1,2})"
    r"(?::?(?P<minutes>[0-9]{2})(?::?(?P<seconds>[0-9]{2}))?)?",
    re.IGNORECASE,
)
WESTERNMOST = timezone(timedelta(hours=-12))
"""The zone where a time of day comes last on Earth."""


@dataclass(frozen=True)
class Stamp:
    """The submission time, as far as a text says."""

    text: str
    time: datetime | None  # in UTC; None if not known exactly
    latest: datetime | None = None  # the latest time that the text may mean, if it gives one

    def may_be_after(self, deadline: datetime | None) -> bool:
        """Whether the submission may have come after `deadline`."""
        return deadline is not None and (self.latest is None or self.latest > deadline)


def stamp(text: str, zone: tzinfo) -> Stamp:
    """The stamp in `text`; a time without an offset is in `zone`.

    The format is 2026-10-15 23:59, with or without seconds, optionally followed by an offset from
    UTC (+0200, +02:00, UTC+2), by Z, or by UTC.
    """
    text = " ".join(text.split())
    found = WRITTEN.fullmatch(text)
    if found is None:
        return Stamp(text, None)
    try:
        clock = datetime.fromisoformat(f"{found['date']} {found['hour']:0>2}{found['rest']}")
        offset = _offset(found["zone"], zone)
        latest = in_utc(clock, offset or WESTERNMOST)
    except (ValueError, OverflowError):
        return Stamp(text, None)
    return Stamp(text, latest if offset else None, latest)


def _offset(name: str, zone: tzinfo) -> tzinfo | None:
    """The zone of that name; `zone` for no name, None for an ambiguous or unknown name."""
    if not name:
        return zone
    if name.upper() in ("Z", "UTC", "GMT"):
        return UTC
    found = OFFSET.fullmatch(name)
    if found is None:
        return None
    hours, minutes, seconds = (int(found[part] or 0) for part in ("hours", "minutes", "seconds"))
    east = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    if east >= timedelta(days=1):
        return None
    return timezone(east if found["sign"] == "+" else -east)


def stamp_of(time: datetime, zone: tzinfo) -> Stamp:
    """The stamp of a known `time`; in `zone` if it has no offset of its own."""
    known = in_utc(time, zone)
    return Stamp(timestamp(known).strip(), known, known)


IN_ZIP = "in the zip"
"""Ending of the text of a time that a zip gives its files."""


def stamp_in_zip(time: datetime, zone: tzinfo) -> Stamp:
    """The stamp of a file with this `time` in a zip that was written after the submission.

    It says no more than that the submission came before; in `zone` if it has no offset.
    """
    return Stamp(f"{time:%Y-%m-%d %H:%M:%S} {IN_ZIP}", None, in_utc(time, zone))


def in_utc(time: datetime, zone: tzinfo) -> datetime:
    """`time` in UTC; in `zone` if it has no offset of its own, and the earlier one if it occurs
    twice there.

    Raises OverflowError if that is before the year 1 or after the year 9999.
    """
    return (time if time.tzinfo else time.replace(tzinfo=zone, fold=0)).astimezone(UTC)


def naive(time: datetime) -> datetime:
    """`time` as nbgrader's gradebook keeps it: naive, in UTC."""
    return time.astimezone(UTC).replace(tzinfo=None)


def timestamp(time: datetime) -> str:
    """`time` as nbgrader writes it into timestamp.txt, to the second."""
    return f"{time.astimezone(UTC).replace(microsecond=0, tzinfo=None)} UTC\n"


def read_timestamp(folder: Path, zone: tzinfo) -> Stamp | None:
    """The stamp in the timestamp.txt of `folder`; None if there is no readable one."""
    try:
        written = read_regular_file(folder / TIMESTAMP, LONGEST_TIMESTAMP)
    except (NotAFile, TooLarge, OSError):
        return None
    text = written.decode("utf-8-sig", "replace")
    return stamp(text, zone) if text.strip() else None


SPOKEN = (
    "%d %B %Y, %I:%M %p",
    "%B %d, %Y, %I:%M %p",
    "%d %B %Y, %H:%M",
    "%d. %B %Y, %H:%M",
)
GERMAN_MONTHS = {"Januar": "January", "Februar": "February", "März": "March", "Mai": "May",
                 "Juni": "June", "Juli": "July", "Oktober": "October",
                 "Dezember": "December"}  # fmt: skip


def read_spoken(text: str, zone: tzinfo) -> Stamp | None:
    """The time in "Friday, 16 October 2026, 9:05 AM", in `zone`; None if there is none.

    Month names are English or German, as in exported tables.
    """
    _, _, time = text.strip().partition(", ")  # the weekday says nothing more
    time = re.sub(r"[^\W\d]+", lambda word: GERMAN_MONTHS.get(word[0], word[0]), time)
    for form in SPOKEN:
        try:
            return stamp_of(datetime.strptime(time, form), zone)
        except (ValueError, OverflowError):
            continue
    return None


def in_words(span: timedelta) -> str:
    """A time span in its two largest units: 1 day 3 hours, 20 minutes."""
    minutes = max(1, round(span.total_seconds() / 60))
    days, rest = divmod(minutes, 24 * 60)
    hours, minutes = divmod(rest, 60)
    parts = [(days, "day"), (hours, "hour"), (minutes, "minute")]
    shown = [f"{number} {unit}{'s' if number > 1 else ''}" for number, unit in parts if number]
    return " ".join(shown[:2])
