"""Which file's change runs, grades or builds again: a file of each kind is changed in a copy."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from small_course import ROOT

DIGESTS = """
from nbjudge.core import code_digests
print(code_digests.of_runs("lmlib"))
print(code_digests.of_grades("lmlib", "scorers.held_out:SCORER"))
print(code_digests.of_builds("lmlib", "scorers.held_out:SCORER"))
print(code_digests.of_grades("lmlib"), code_digests.of_grades("lmlib", "one_module:SCORER"))
"""
NAMES = ("runs", "grades", "builds", "unscored", "other scorer")
ALL = set(NAMES)

CODE = "\nONE_MORE = 1\n"
COMMENT = "\n# One more comment.\n\n"


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the packages, the test's to change."""
    folder = tmp_path_factory.mktemp("copy")
    left_out = shutil.ignore_patterns("__pycache__", "*.safetensors", "shakespeare.txt")
    for name in ("lmlib", "nbjudge", "scorers"):
        shutil.copytree(ROOT / name, folder / name, ignore=left_out)
    (folder / "one_module.py").write_text("SCORER = None\n")
    return folder


def digests(copy: Path) -> dict[str, str]:
    """The digests that a fresh process computes of the copy."""
    run = subprocess.run(
        [sys.executable, "-c", DIGESTS],
        cwd=copy, env={"PYTHONPATH": str(copy)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return dict(zip(NAMES, run.stdout.split(), strict=True))


@pytest.fixture(scope="module")
def before(copy: Path) -> dict[str, str]:
    return digests(copy)


@pytest.mark.parametrize(
    ("path", "added", "changed"),
    [
        ("nbjudge/kernel/observe.py", CODE, ALL),
        ("nbjudge/kernel/process/guard.py", CODE, ALL),
        ("nbjudge/sandbox/bubblewrap.py", CODE, ALL),
        ("nbjudge/sandbox/bubblewrap.py", COMMENT, set()),
        ("nbjudge/judge/judge.py", CODE, ALL - {"runs"}),
        ("nbjudge/judge/judge.py", COMMENT, set()),
        ("nbjudge/authoring/source_rules.py", CODE, {"builds"}),
        ("nbjudge/pages/html/feedback.css", "body { margin: 0 }", set()),
        ("nbjudge/pages/html/report.html.j2", "<p>", set()),
        ("nbjudge/pages/report.py", CODE, set()),
        ("nbjudge/workflow/feedback.py", CODE, set()),
        ("nbjudge/lms/roster.py", CODE, set()),
        ("nbjudge/cli/words.py", CODE, set()),
        ("nbjudge/__init__.py", CODE, set()),
        ("lmlib/checks.py", CODE, ALL),
        ("lmlib/plots.py", COMMENT, set()),
        ("lmlib/data/story_words.toml", COMMENT, ALL),
        ("lmlib/paper.css", "p { margin: 0 }", set()),
        ("lmlib/pyproject.toml", COMMENT, set()),
        ("scorers/held_out.py", CODE, {"grades", "builds"}),
        ("scorers/ngrams.py", CODE, {"grades", "builds"}),
        ("scorers/held_out.py", COMMENT, set()),
        ("one_module.py", CODE, {"other scorer"}),
    ],
)
def test_a_change_counts_for_what_depends_on_it(
    copy: Path, before: dict[str, str], path: str, added: str, changed: set[str]
) -> None:
    kept = (copy / path).read_bytes()
    with (copy / path).open("a") as file:
        file.write(added)
    try:
        after = digests(copy)
    finally:
        (copy / path).write_bytes(kept)
    assert {name for name in NAMES if after[name] != before[name]} == changed


def test_a_new_file_counts_and_a_compiled_one_does_not(copy: Path, before: dict[str, str]) -> None:
    cached = copy / "nbjudge" / "judge" / "__pycache__"
    cached.mkdir(exist_ok=True)
    (cached / "other.pyc").write_bytes(b"")
    assert digests(copy) == before
    new = copy / "nbjudge" / "judge" / "one_more.py"
    new.touch()
    try:
        assert digests(copy)["grades"] != before["grades"]
    finally:
        new.unlink()
