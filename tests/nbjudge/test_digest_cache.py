"""Remembered digests: taken only for files that have not changed in any way."""

import os
import time

import pytest

from nbjudge.core import digest_cache
from nbjudge.core.digest_cache import remembered


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of one file, and a cache of the test's own that finds every file old enough."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(digest_cache, "SETTLED", -time.time())
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "a.py").write_text("a = 1")
    return tmp_path / "code"


def computed(folder):
    """Whether a digest was computed, rather than remembered."""
    calls = []
    given = remembered(folder, sorted(folder.rglob("*")), lambda: calls.append(1) or "digest")
    assert given == "digest"
    return bool(calls)


def test_an_unchanged_folder_is_read_once(folder):
    assert computed(folder) and not computed(folder)


def test_other_contents_of_the_same_size_and_time_are_seen(folder):
    path = folder / "a.py"
    assert computed(folder)
    before = path.stat()
    path.write_text("a = 2")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert computed(folder) and not computed(folder)


@pytest.mark.parametrize("change", ["added", "removed", "renamed", "replaced"])
def test_every_change_of_a_folder_is_seen(folder, change):
    (folder / "b.py").write_text("b = 1")
    assert computed(folder)
    if change == "added":
        (folder / "c.py").write_text("")
    elif change == "removed":
        (folder / "b.py").unlink()
    elif change == "renamed":
        (folder / "b.py").rename(folder / "c.py")
    else:
        (folder / "new").write_text("b = 2")
        os.replace(folder / "new", folder / "b.py")
    assert computed(folder)


def test_what_has_just_changed_is_not_remembered(folder, monkeypatch):
    monkeypatch.setattr(digest_cache, "SETTLED", 3600)
    assert computed(folder) and computed(folder)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"%s": 3}', '{"%s": {}}'])
def test_a_damaged_cache_is_replaced(folder, content):
    assert computed(folder)
    digest_cache._place().write_text(content.replace("%s", str(folder)))
    assert computed(folder) and not computed(folder)


def test_without_a_place_for_it_nothing_is_remembered(folder, monkeypatch):
    (folder / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "file"))
    assert computed(folder) and computed(folder)


def test_folders_that_are_gone_are_forgotten(folder):
    other = folder.parent / "other"
    other.mkdir()
    computed(folder)
    computed(other)
    other.rmdir()
    (folder / "b.py").write_text("")
    computed(folder)
    assert set(digest_cache._read()) == {str(folder)}
