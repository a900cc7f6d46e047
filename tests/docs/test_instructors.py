"""docs/instructor.md, followed word for word on a clean clone, ends with grades."""

import re
import shlex
from pathlib import Path

from tests.docs.clone import NAME, shell
from tests.docs.pages import ROOT, blocks, command_lines, named_blocks, section

PAGE = ROOT / "docs" / "instructor.md"


def test_a_clean_clone_ends_with_grades(course: Path) -> None:
    """Every command of the section, in order, and what the page says of what comes out."""
    walk = section(PAGE, "From a clone to grades in 15 minutes")
    lines = command_lines(walk)
    printed = {}
    for number, line in enumerate(lines):
        if shlex.split(line)[0] == "rm":
            check_what_was_made(course, walk, printed[f".venv/bin/nbjudge grade {NAME}"])
        printed[line] = shell(line, course)
        assert number or line == "make setup"
    assert not (course / "submitted").exists() and (course / "autograded/README.md").exists()
    assert (course / "gradebook.db").exists()


def check_what_was_made(course: Path, walk: str, graded: str) -> None:
    """The table, the grades and the pages are those that the page shows and names."""
    table = next(block for block in blocks(walk, "text") if block.startswith("│"))
    shown, found = as_rows(table), as_rows(graded)
    assert len(found) == 3 and found == shown
    assert (course / "grades.csv").read_text() == named_blocks(walk)["grades.csv"]
    pages = re.findall(r"`((?:feedback|report)/\S+\.html)`", walk)
    assert len(pages) == 2 and all((course / page).is_file() for page in pages)
    assert "base 2" in (course / pages[0]).read_text()


def as_rows(table: str) -> dict[str, str]:
    """Scores and sentences by student, whatever the table's width."""
    rows: dict[str, str] = {}
    student = ""
    for line in table.splitlines():
        if line.startswith("│"):
            cells = [cell.strip() for cell in line.split("│")[1:] if cell.strip()]
            if re.search(r"\d / \d", line):
                student, *cells = cells
            rows[student] = " ".join([rows.get(student, ""), *cells]).strip()
    return rows
