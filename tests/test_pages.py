"""Form of the pages: lengths of lines, and of the README."""

from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, prose


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CHANGELOG.md"], ids=lambda path: path.name)
def test_lines_have_at_most_120_characters(page: Path) -> None:
    """Except rows of tables and commands, which cannot be broken."""
    long = [line for line in prose(page).splitlines() if len(line) > 120 and line[0] != "|"]
    assert not long


def test_the_readme_has_at_most_700_words() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").split()) <= 700
