"""Imports of a notebook's cell, found in its syntax tree.

The check at the end of a notebook and the grader use the same function, so what passes the check
also runs in grading.
"""

import ast
import functools
import sys
from collections.abc import Collection, Iterator

ALWAYS_ALLOWED = sys.stdlib_module_names | {"IPython", "ipywidgets", "nbjudge"}
"""Python's standard library, and packages used by the notebook itself and by the grader's cells."""

PYTHON_MAGICS = ("time", "timeit", "capture")  # those that run the Python after them

MOST_WORK = 300_000
"""Characters that IPython may read to translate a cell: all of it again for each command in it."""

MOST_COMMANDS = 2_000  # in a cell; IPython itself runs none with more than 500


def foreign_imports(cell: str, allowed: Collection[str]) -> list[tuple[int, str]]:
    """The line and the package of each import in `cell` of anything but `allowed` packages.

    IPython's own syntax is translated first.  A cell that is not Python imports nothing: it
    cannot run either.
    """
    if "import" not in cell and cell.isascii():  # other alphabets allow other spellings
        return []
    try:
        found = list(_imports(python(cell)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    known = ALWAYS_ALLOWED.union(allowed)
    return [(line, package) for line, package in found if package not in known]


def python(cell: str) -> str:
    """`cell` as Python: as it is, if it is Python, and translated from IPython's syntax otherwise.

    Raises SyntaxError if it is neither, or if too much of it is IPython's own.
    """
    for translated in (str, _by_line):
        text = translated(cell)
        try:
            ast.parse(text)
            return text
        except SyntaxError:
            continue
    return _by_ipython(cell)


def _by_line(cell: str) -> str:
    """`cell` with each magic or shell command translated alone, and its lines where they were.

    IPython reads the whole cell again for each of them, which takes a minute for some hundred.
    Raises SyntaxError if there are far more than IPython would run.
    """
    lines = cell.split("\n")
    commands = list(_commands(lines))
    if len(commands) < 2 or cell.lstrip().startswith("%%"):
        return cell
    if len(commands) > MOST_COMMANDS:
        raise SyntaxError("the cell has too much of IPython's own syntax")
    for start, end in commands:
        command = "\n".join(lines[start:end]).lstrip()
        indent = lines[start][: len(lines[start]) - len(lines[start].lstrip())]
        lines[start] = indent + _by_ipython(command).rstrip("\n")
        lines[start + 1 : end] = [""] * (end - start - 1)
    return "\n".join(lines)


def _commands(lines: list[str]) -> Iterator[tuple[int, int]]:
    """Where each magic or shell command in `lines` begins and ends: a backslash continues it."""
    end = 0
    for start, line in enumerate(lines):
        if start >= end and line.lstrip()[:1] in ("%", "!"):
            end = start + 1
            while end < len(lines) and lines[end - 1].endswith("\\"):
                end += 1
            yield start, end


@functools.lru_cache(maxsize=1_000)
def _by_ipython(cell: str) -> str:
    """`cell` as IPython translates it.  Raises SyntaxError if that takes too long."""
    from IPython.core.inputtransformer2 import TransformerManager

    class Bounded(TransformerManager):
        def do_token_transforms(self, lines: list[str]) -> list[str]:
            for _ in range(1 + MOST_WORK // (1 + len(cell))):
                is_changed, lines = self.do_one_token_transform(lines)
                if not is_changed:
                    return lines
            raise SyntaxError("the cell has too much of IPython's own syntax")

    return Bounded().transform_cell(cell)


def _imports(source: str) -> Iterator[tuple[int, str]]:
    """The line and the top-level package of each import.  Raises SyntaxError."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield node.lineno, name.name.partition(".")[0]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.lineno, node.module.partition(".")[0]
        elif isinstance(node, ast.Call):
            yield from _imports_by_call(node)


def _imports_by_call(node: ast.Call) -> Iterator[tuple[int, str]]:
    """Imports as `importlib.import_module("...")`, `__import__("...")`, or timed by a magic."""
    function = node.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    texts = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
    if not texts:
        return
    if name in ("__import__", "import_module"):
        yield node.lineno, texts[0].partition(".")[0]
    elif name == "run_line_magic" and texts[0] in PYTHON_MAGICS:
        yield from ((node.lineno, package) for _, package in _imports(texts[-1]))
    elif name == "run_cell_magic" and texts[0] in PYTHON_MAGICS:
        yield from ((node.lineno + line, package) for line, package in _imports(texts[-1]))
