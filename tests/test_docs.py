"""The pages for people: their links lead somewhere, their commands and examples are real."""

import argparse
import ast
import functools
import inspect
import re
import shlex
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from nbjudge import cli, observe
from nbjudge.authoring.mistakes import EmptyAnswer, Mistake
from nbjudge.core.course import find_course
from nbjudge.kernel import expect
from tests.docs.pages import PAGES, ROOT, blocks, commands, prose

EXAMPLE = ROOT / "docs" / "authoring.md"

WORDS: dict[str, Callable[..., object]] = {
    "observe": observe,
    **{
        name: getattr(expect, name)
        for name in ("expect", "equal", "close", "subset", "frequencies", "at_most")
    },
}
"""What hidden tests and KEY regions are written in."""


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives the headings of `page`."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_page_is_there() -> None:
    names = {path.name for path in PAGES}
    assert {"student.md", "instructor.md", "authoring.md", "grading.md"} <= names


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_relative_links_lead_to_a_file_and_a_heading(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        linked = page.parent / name if name else page
        assert linked.exists(), f"{page.name} links to {target}"
        assert not anchor or anchor in anchors(linked), f"{page.name} links to {target}"


def linked_pages(page: Path) -> set[Path]:
    """The pages in Markdown that `page` links to."""
    targets = re.findall(r"\]\(([^)\s#:]+\.md)", prose(page))
    return {(page.parent / target).resolve() for target in targets}


def test_every_page_is_two_clicks_from_the_readme() -> None:
    first = linked_pages(ROOT / "README.md")
    second = {page for one in first for page in linked_pages(one)}
    assert set(PAGES) - {ROOT / "README.md"} <= first | second


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_commands_are_words_that_lmlib_and_make_know(page: Path) -> None:
    rules = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    for words in commands(page):
        program = Path(words[0]).name
        if program == "lmlib":
            try:
                cli._parser().parse_args(words[1:])
            except SystemExit:
                pytest.fail(f"{page.name}: lmlib does not understand {shlex.join(words)}")
        elif program == "make":
            assert set(words[1:2]) <= set(rules), f"{page.name}: {shlex.join(words)}"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_commands_and_options_named_in_prose_exist(page: Path) -> None:
    parser = cli._parser()
    subcommands = next(
        action.choices
        for action in parser._actions
        if isinstance(action, argparse._SubParsersAction)
    )
    for code in re.findall(r"`([^`\n]+)`", prose(page)):
        words = code.split()
        if words[0].endswith("lmlib") and len(words) > 1:
            assert words[1] in subcommands, f"{page.name}: {code}"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_examples_call_observe_expect_and_comparators_as_they_are(page: Path) -> None:
    inline = [code for code in re.findall(r"`([^`\n]+)`", prose(page)) if "…" not in code]
    for source in [*blocks(page.read_text(encoding="utf-8"), "python"), *filter(is_call, inline)]:
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                check_call(node)


def is_call(code: str) -> bool:
    """Whether an inline example is a call of `WORDS`, rather than a signature or a fragment."""
    name = re.match(r"(\w+)\(", code)
    return bool(name and name[1] in WORDS) and ", *" not in code and "..." not in code


def check_call(node: ast.Call) -> None:
    """Bind the arguments of a call to the real signature, unless some are starred."""
    assert isinstance(node.func, ast.Name)
    named = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
    starred = len(named) < len(node.keywords) or any(
        isinstance(argument, ast.Starred) for argument in node.args
    )
    if node.func.id in WORDS and not starred:
        signature = inspect.signature(WORDS[node.func.id])
        try:
            signature.bind(*node.args, **named)
        except TypeError as error:
            pytest.fail(f"{ast.unparse(node)}: {error}")


def test_the_signature_of_expect_is_the_one_shown() -> None:
    shown = re.search(r"`expect\((name, comparator, .*)\)`", EXAMPLE.read_text(encoding="utf-8"))
    assert shown
    parsed = ast.parse(f"def shown({shown[1]}): ...").body[0]
    assert isinstance(parsed, ast.FunctionDef)
    real = inspect.signature(expect.expect).parameters
    arguments = [argument.arg for argument in parsed.args.args + parsed.args.kwonlyargs]
    assert arguments == list(real)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_toml_examples_have_the_fields_that_are_read(page: Path, tmp_path: Path) -> None:
    for block in blocks(page.read_text(encoding="utf-8"), "toml"):
        tables = tomllib.loads(block)
        for entry in tables.get("mistake", []):
            Mistake(**entry)
        for entry in tables.get("empty", []):
            EmptyAnswer(**entry)
        if "assignment" in tables:
            (tmp_path / "course.toml").write_text(block, encoding="utf-8")
            find_course(tmp_path)


@functools.cache
def sentences_of_the_code() -> tuple[str, ...]:
    """Every text in lmlib's code, with … for what is filled in."""
    found = []
    for path in sorted((ROOT / "lmlib").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = [part.value if isinstance(part, ast.Constant) else "…"
                         for part in node.values]  # fmt: skip
                found.append("".join(map(str, parts)))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
    setup = (ROOT / ".ci" / "setup").read_text(encoding="utf-8")
    return (*found, re.sub(r'" \\\n\s*"', " ", setup))


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_sentences_quoted_in_tables_are_those_of_the_code(page: Path) -> None:
    for sentence in re.findall(r"^\| “(.+?)”", prose(page), re.MULTILINE):
        quoted = any(sentence in text for text in sentences_of_the_code())
        assert quoted, f"{page.name} quotes what nothing says: {sentence}"
