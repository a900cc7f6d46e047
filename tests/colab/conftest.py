"""The course's release on a web server, and a machine like Colab's that fetches from it."""

import functools
import http.server
import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from nbjudge.authoring import release, release_steps
from nbjudge.core.course import Course, find_course
from scorers import held_out, test_set
from tests import environments, shared

ROOT = Path(__file__).parents[2]
RUNTIME = Path(__file__).parent / "runtime.txt"


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Course]:
    """The real course, all of it released, and its release folder served on loopback."""
    root = tmp_path_factory.mktemp("served")
    for name in ("nbgrader_config.py", "source"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, root / name)
    (root / "release").mkdir()
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=root / "release")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        settings = (ROOT / "course.toml").read_text()
        address = f"http://127.0.0.1:{server.server_port}"
        line = 'release_address = ""'
        assert line in settings
        (root / "course.toml").write_text(settings.replace(line, f'release_address = "{address}"'))
        course = find_course(root)
        for name in course.assignments:
            release_steps.generate_release(course, name)
        few = test_set.make(1, test_set.Sizes(8, 4, 10_000, 10_000))
        for name, content in held_out.SCORER.handed_out(test_set.pack(few)).items():
            course.release("ps5_attention_backward").with_name(name).write_bytes(content)
        release.complete(course)
        yield course
        server.shutdown()


@pytest.fixture(scope="session")
def runtime(session_folder: Path) -> Path:
    """The Python of an environment with Colab's versions, where lmlib was never installed."""
    if sys.version_info >= (3, 13):
        pytest.skip("Colab has Python 3.12; its NumPy 2.0.2 cannot be installed here")

    def make(place: Path) -> None:
        environments.link_torch(environments.new(place, "--no-deps", "-r", RUNTIME))

    return shared.made_once(session_folder / "runtime", make) / "bin" / "python"
