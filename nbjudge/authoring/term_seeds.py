"""Inputs of hidden tests drawn anew each term: the term's name enters every seed.

A hidden test that says `default_rng(3)` runs as `default_rng(271828 + (3))`, where the number
comes of the term's name. Without a term it runs as it is written.
"""

import ast
import re
from collections.abc import Iterator

from nbformat import NotebookNode, from_dict

from nbjudge.core.files import digest

SEEDED = frozenset({"default_rng", "RandomState", "SeedSequence", "Random", "seed", "manual_seed"})
"""Functions, by the last part of their names, whose first argument or `seed` is a seed."""

REGION = re.compile(r"^### BEGIN (HIDDEN TESTS|KEY)\n(.*?)^### END \1", re.MULTILINE | re.DOTALL)
LARGEST = 2**31
"""Of what is added: seeds of NumPy's older generators are below 2**32."""


def with_term(notebook: NotebookNode, term: str) -> NotebookNode:
    """`notebook` with the seeds of its hidden tests and KEY regions for `term`."""
    if not term:
        return notebook
    made = from_dict(notebook)
    added = int(digest(term)[:12], 16) % LARGEST
    for cell in made.cells:
        if cell.cell_type == "code":
            cell.source = REGION.sub(lambda found: _seeded(found, added), cell.source)
    return made


def _seeded(found: re.Match[str], added: int) -> str:
    """A region with `added` to every seed; as it is, if it is not Python by itself."""
    code = found[2]
    try:
        tree = ast.parse(code)
    except SyntaxError:
        return found[0]
    lines = code.encode().splitlines(keepends=True)  # positions in a tree count bytes
    for seed in sorted(_seeds(tree), key=lambda node: (node.lineno, node.col_offset), reverse=True):
        assert seed.end_lineno is not None and seed.end_col_offset is not None, "parsed from text"
        last, first = seed.end_lineno - 1, seed.lineno - 1
        lines[last] = _inserted(lines[last], seed.end_col_offset, b")")
        lines[first] = _inserted(lines[first], seed.col_offset, f"{added} + (".encode())
    begin, end = found.start(2) - found.start(), found.end(2) - found.start()
    return found[0][:begin] + b"".join(lines).decode() + found[0][end:]


def _inserted(line: bytes, place: int, text: bytes) -> bytes:
    return line[:place] + text + line[place:]


def _seeds(tree: ast.AST) -> Iterator[ast.expr]:
    """The expressions that are seeds of generators, where they are single numbers or names."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        function = node.func
        name = function.attr if isinstance(function, ast.Attribute) else ""
        name = function.id if isinstance(function, ast.Name) else name
        if name not in SEEDED:
            continue
        named = [keyword.value for keyword in node.keywords if keyword.arg == "seed"]
        for seed in [*node.args[:1], *named]:
            is_number = isinstance(seed, ast.Constant) and type(seed.value) is int
            if is_number or isinstance(seed, ast.Name | ast.BinOp | ast.Attribute | ast.Subscript):
                yield seed
