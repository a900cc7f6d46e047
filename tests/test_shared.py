"""What tests share: folders made once, runs that builds reuse, and who may start a kernel."""

from pathlib import Path

import pytest
from jupyter_client.provisioning.factory import KernelProvisionerFactory

from nbjudge.core.course import Course
from tests import shared


def test_a_folder_is_made_by_the_first_to_ask(tmp_path: Path) -> None:
    def make(place: Path) -> None:
        place.mkdir()
        (place / "file").write_text("first")

    def fail(place: Path) -> None:
        raise AssertionError("it is there already")

    assert shared.made_once(tmp_path / "folder", make) == tmp_path / "folder"
    shared.made_once(tmp_path / "folder", fail)
    assert (tmp_path / "folder" / "file").read_text() == "first"


def test_a_folder_that_could_not_be_made_is_made_by_the_next(tmp_path: Path) -> None:
    def fail(place: Path) -> None:
        place.mkdir()
        (place / "half").touch()
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        shared.made_once(tmp_path / "folder", fail)
    shared.made_once(tmp_path / "folder", Path.mkdir)
    assert list((tmp_path / "folder").iterdir()) == []


def test_the_next_build_finds_the_runs_of_the_last_one(tmp_path: Path) -> None:
    first, second = (Course(tmp_path / name, "A course") for name in ("first", "second"))
    with shared.shared_runs(tmp_path, first, "tiny"):
        for name in ("one.json", "solution/two.json"):
            path = first.key("tiny") / "runs" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)
    with shared.shared_runs(tmp_path, second, "tiny"):
        runs = second.key("tiny") / "runs"
        assert (runs / "one.json").read_text() == "one.json"
        assert (runs / "solution" / "two.json").read_text() == "solution/two.json"
        (runs / "one.json").unlink()  # as a build removes what it does not need
    assert (first.key("tiny") / "runs" / "one.json").exists()


def test_runs_of_another_assignment_are_not_lent(tmp_path: Path) -> None:
    course = Course(tmp_path / "course", "A course")
    (course.key("tiny") / "runs").mkdir(parents=True)
    (course.key("tiny") / "runs" / "one.json").touch()
    shared.keep_runs(tmp_path, course, "tiny")
    shared.lend_runs(tmp_path, course, "other")
    assert not course.key("other").exists()


def test_without_its_marker_a_test_can_start_no_kernel() -> None:
    factory = KernelProvisionerFactory.instance()
    with pytest.raises(pytest.fail.Exception, match="needs the marker `kernel`"):
        factory.create_provisioner_instance("an id", None, parent=None)
