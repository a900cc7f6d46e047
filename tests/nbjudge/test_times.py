"""Times of handing in: every way to write an offset, every zone, and no guess for a mere name."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from nbjudge.core.times import (
    TIMESTAMP,
    in_utc,
    in_words,
    read_spoken,
    read_timestamp,
    stamp,
    stamp_in_zip,
    stamp_of,
    timestamp,
)

SUMMER = timezone(timedelta(hours=2))
ZURICH = ZoneInfo("Europe/Zurich")
FORWARD = datetime(2026, 3, 29, 1, 0, tzinfo=UTC)  # clocks change in Zurich
BACK = datetime(2026, 10, 25, 1, 0, tzinfo=UTC)
NEAR_A_CHANGE = st.one_of(
    st.builds(
        lambda change, minutes: change + timedelta(minutes=minutes),
        st.sampled_from([FORWARD, BACK]),
        st.integers(-180, 180),
    ),
    st.datetimes(datetime(1970, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC)),
)


@pytest.mark.parametrize(
    ("written", "hour"),
    [
        ("2026-10-15 12:00:00 +0500", 7),  # five hours, not 500 seconds
        ("2026-10-15 12:00:00 +05:00", 7),
        ("2026-10-15 12:00:00 +05", 7),
        ("2026-10-15T12:00:00-0330", 15),
        ("2026-10-15T12:00Z", 12),
        ("2026-10-15 12:00:00.123456 UTC", 12),
        ("2026-10-15 12:00:00.123456789 Z", 12),
        ("2026-10-15 12:00:00 GMT", 12),
        ("2026-10-15 12:00:00 UTC+02:00", 10),
        ("2026-10-15 12:00:00 utc-2", 14),
        ("  2026-10-15   12:00 \n", 10),
        ("2026-10-15 9:30", 7),
    ],
)
def test_offsets_are_read_and_a_time_without_one_is_where_the_caller_says(written, hour):
    found = stamp(written, SUMMER)
    assert found.time is not None and found.time == found.latest
    assert (found.time.hour, found.time.tzinfo) == (hour, UTC)


@pytest.mark.parametrize("zone", ["CEST", "EST", "IST", "Europe/Zurich", "UTC+99", "+2x", "?"])
def test_a_name_of_a_zone_is_no_time_and_no_guess(zone):
    found = stamp(f"2026-10-15 12:00:00 {zone}", SUMMER)
    assert found.time is None
    assert found.latest == datetime(2026, 10, 16, 0, 0, tzinfo=UTC)  # if it is in the far west
    assert not found.may_be_after(datetime(2026, 10, 16, 0, 0, tzinfo=UTC))
    assert found.may_be_after(datetime(2026, 10, 15, 23, 59, tzinfo=UTC))
    assert not found.may_be_after(None)


@pytest.mark.parametrize(
    "written", ["", "soon", "2026-10-15", "2026-13-15 12:00 Z", "2026-10-15 25:00 Z", "12:00",
                "0001-01-01 00:00 +0500", "9999-12-31 23:00 CEST"],
)  # fmt: skip
def test_what_is_no_time_may_be_any(written):
    found = stamp(written, SUMMER)
    assert (found.text, found.time, found.latest) == (written, None, None)
    assert found.may_be_after(datetime(2999, 1, 1, tzinfo=UTC))


@settings(deadline=None)
@given(NEAR_A_CHANGE, st.timezones())
@example(BACK - timedelta(minutes=30), ZURICH)
@example(BACK + timedelta(minutes=30), ZURICH)
def test_a_time_survives_being_written_from_any_zone(time, zone):
    local = time.astimezone(zone)
    assert stamp(timestamp(local), ZURICH).time == time.replace(microsecond=0)
    assert stamp(local.isoformat(), ZURICH).time == time
    assert stamp_of(local, ZURICH).time == time
    assert stamp(f"{local:%Y-%m-%d %H:%M:%S.%f} {local:%z}", ZURICH).time == time


@settings(deadline=None)
@given(NEAR_A_CHANGE, st.timezones())
@example(BACK + timedelta(minutes=30), ZURICH)
def test_a_local_time_is_read_where_it_is_at_home_and_never_too_late(time, zone):
    shown = time.astimezone(zone).replace(tzinfo=None)
    found = stamp(str(shown), zone).time
    assert found is not None
    assert found.astimezone(zone).replace(tzinfo=None) == shown
    assert found <= time  # the hour that occurs twice is taken to be the first
    again = in_utc(shown.replace(tzinfo=zone, fold=1), UTC)
    assert found in (time, time - (again - found))


@settings(deadline=None)
@given(NEAR_A_CHANGE, st.timezones(), st.timedeltas(timedelta(0), timedelta(days=3)))
@example(BACK - timedelta(hours=3), ZURICH, timedelta(hours=6))
def test_how_late_is_counted_in_true_seconds(deadline, zone, late):
    handed_in = stamp((deadline + late).astimezone(zone).isoformat(), zone).time
    assert handed_in is not None
    assert handed_in - in_utc(deadline.astimezone(zone), zone) == late


@settings(deadline=None)
@given(NEAR_A_CHANGE, st.integers(-12, 14), st.sampled_from(["CEST", "EST", "AEDT"]))
def test_latest_is_a_bound_for_every_offset_on_earth(time, hours, name):
    local = time.astimezone(timezone(timedelta(hours=hours)))
    found = stamp(f"{local:%Y-%m-%d %H:%M:%S.%f} {name}", UTC)
    assert found.latest is not None and found.latest >= time


@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_read_or_is_no_time(text):
    found = stamp(text, UTC)
    assert found.time is None or found.time == found.latest


@settings(deadline=None)
@given(NEAR_A_CHANGE, st.timezones())
def test_the_time_of_a_table_for_people_is_in_the_zone_of_the_course(time, zone):
    local = time.astimezone(zone).replace(second=0, microsecond=0)
    twice = local.replace(fold=1 - local.fold).utcoffset() != local.utcoffset()
    assume(not twice)  # such a clock does not say which of two hours is meant
    shown = f"{local:%A}, {local.day} {local:%B %Y, %I:%M %p}"
    found = read_spoken(shown, zone)
    assert found is not None and found.time == local


def test_a_timestamp_is_read_from_a_regular_small_file_only(tmp_path):
    assert read_timestamp(tmp_path, UTC) is None
    path = tmp_path / TIMESTAMP
    path.write_bytes(b"\xef\xbb\xbf2026-10-15 12:00:00 +0200\r\n")
    found = read_timestamp(tmp_path, UTC)
    assert found is not None and found.time == datetime(2026, 10, 15, 10, tzinfo=UTC)
    path.write_text(" \n")
    assert read_timestamp(tmp_path, UTC) is None
    path.write_text("2026-10-15 12:00:00 UTC" + " " * 2_000)
    assert read_timestamp(tmp_path, UTC) is None
    path.unlink()
    path.symlink_to("/etc/hostname")
    assert read_timestamp(tmp_path, UTC) is None
    path.unlink()
    path.mkdir()
    assert read_timestamp(tmp_path, UTC) is None


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(seconds=1), "1 minute"),
        (timedelta(hours=1, minutes=1), "1 hour 1 minute"),
        (timedelta(days=2, minutes=5), "2 days 5 minutes"),
        (timedelta(days=1, hours=3, minutes=20), "1 day 3 hours"),
    ],
)
def test_a_span_in_words(span, words):
    assert in_words(span) == words


@settings(deadline=None)
@given(NEAR_A_CHANGE, st.timezones())
def test_the_time_of_a_zip_is_a_bound_and_never_a_time(time, zone):
    shown = time.astimezone(zone).replace(tzinfo=None)
    found = stamp_in_zip(shown, zone)
    assert found.time is None and found.latest == in_utc(shown, zone)
    again = stamp(found.text, zone)  # as it is kept next to the submission
    assert again.time is None and again.latest is not None
    assert again.latest >= found.latest.replace(microsecond=0)
