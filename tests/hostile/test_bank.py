"""Hostile submissions gain, reach and change nothing, and cost their neighbours nothing.

The whole bank is graded in one batch, as a class would be.
"""

from collections.abc import Callable

import pytest
from bank import ENTRIES
from entries import Entry
from ground import LONGEST, Batch, grade_bank, open_walls

from findings import COUNTS, broken_entries, score_of, summary, unsafe_pages

try:
    from nbjudge.sandbox import bubblewrap
except ImportError:
    WHY_NOT: str | None = "this lmlib has no sandbox"
else:
    WHY_NOT = bubblewrap.why_not()

pytestmark = pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT))


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Batch:
    folder = tmp_path_factory.mktemp("h")
    if found := open_walls(folder):
        pytest.fail(f"Nothing hostile was run, because a harmless notebook found open {found}.")
    return grade_bank(folder, ENTRIES)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_an_entry_gets_what_it_deserves(batch: Batch, entry: Entry) -> None:
    wrong = score_of(batch, entry)
    assert not wrong, f"{entry.tries} {wrong}"


@pytest.mark.parametrize("what", COUNTS)
def test_the_batch_is_without(batch: Batch, what: str) -> None:
    find: Callable[[Batch], list[str]] = COUNTS[what]
    found = find(batch)
    assert not found, "\n".join(found)


def test_pages_are_safe_to_open(batch: Batch) -> None:
    found = unsafe_pages(batch)
    assert not found, "\n".join(found)


def test_attacks_are_made_of_code_that_runs(batch: Batch) -> None:
    found = broken_entries(batch)
    assert not found, "\n".join(found)


def test_it_takes_minutes_and_the_counts_are_told(
    batch: Batch, capsys: pytest.CaptureFixture[str]
) -> None:
    with capsys.disabled():
        print(f"\n{summary(batch)}")
    assert batch.grading.seconds < LONGEST
