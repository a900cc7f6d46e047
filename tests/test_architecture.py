"""docs/architecture.md and the direction of imports: what the page names exists."""

import ast
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
NAMED = re.compile(r"`((?:nbjudge|lmlib|scorers|source|mistakes)/[\w./]+\.\w+)(?::(\w+))?`")

ALLOWED_IN_KERNEL = {"nbjudge", "numpy", "IPython", "ipykernel", "traitlets", "zmq"}
"""What `nbjudge.kernel` may import besides the standard library: the kernel's own packages, and
NumPy, because evidence consists of arrays and every problem set allows it."""


def defined(path: Path) -> set[str]:
    """The functions, classes and constants that a module defines."""
    names: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    return names


@pytest.mark.parametrize(("file", "name"), sorted(set(NAMED.findall(PAGE))))
def test_files_and_functions_named_on_the_page_exist(file: str, name: str) -> None:
    path = ROOT / file
    assert path.is_file()
    assert not name or name in defined(path)


def test_the_table_of_changes_answers_with_a_place_in_every_row() -> None:
    rows = re.findall(r"^\| (.+) \| (.+) \|$", PAGE.split("## Where do I change …")[1], re.M)
    answers = [answer for what, answer in rows if what != "what"]
    assert len(answers) >= 10
    assert all(NAMED.search(answer) for answer in answers if "course.toml" not in answer)


def test_every_room_is_on_the_page() -> None:
    rooms = {path.parent.name for path in (ROOT / "nbjudge").glob("*/__init__.py")}
    assert rooms
    assert all(f"`{room}/`" in PAGE for room in rooms)


def imports(path: Path) -> set[str]:
    """The top-level packages that a module imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(str(node.module).split(".")[0])
    return found


def test_what_a_sandbox_shows_imports_little() -> None:
    modules = list((ROOT / "nbjudge" / "kernel").rglob("*.py"))
    assert modules
    for path in modules:
        extra = imports(path) - sys.stdlib_module_names - ALLOWED_IN_KERNEL
        assert not extra, f"{path.relative_to(ROOT)} imports {extra}"
