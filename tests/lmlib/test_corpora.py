import hashlib
import importlib.machinery
import sys
import threading
import types
from collections.abc import Iterator
from contextlib import nullcontext
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from lmlib import corpora, stories, tinystories

TINY = b"First Citizen:\nBefore we proceed any further, hear me speak.\n"


def test_shakespeare_meets_the_published_figures_within_two_percent() -> None:
    shakespeare = corpora.load("shakespeare")
    assert len(shakespeare.text) == pytest.approx(1_115_394, rel=0.02)
    assert len(set(shakespeare.text)) == pytest.approx(65, rel=0.02)
    assert shakespeare.text.count("\n") == 40_000
    assert hashlib.sha256(shakespeare.text.encode()).hexdigest() == shakespeare.sha256
    assert shakespeare.source and "public domain" in shakespeare.licence


def test_shakespeare_holds_speeches_alone() -> None:
    text = corpora.load("shakespeare").text
    assert text.startswith(
        "First Citizen:\nBefore we proceed any further, hear me speak.\n\nAll:\n"
    )
    # the speech goes on after the direction 'Shouts within'
    assert "with surplus, to tire in repetition.\nWhat shouts are these?" in text
    for mark in ("_", "*", "#", "[", "\\", "Exeunt", "SCENE"):
        assert mark not in text


def test_a_damaged_or_missing_shakespeare_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corpora, "DATA", tmp_path)
    with pytest.raises(corpora.CorpusError, match=r"shakespeare\.txt.*install lmlib again"):
        corpora.load("shakespeare")
    (tmp_path / "shakespeare.txt").write_text("To be, or to be.")
    with pytest.raises(corpora.CorpusError, match=r"shakespeare\.txt is damaged.*pip install"):
        corpora.load("shakespeare")


def test_an_unknown_name_is_told_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"'hamlet': choose \"shakespeare\".* or \"utterances\""):
        corpora.load("hamlet", length=100)


@pytest.mark.parametrize(
    ("name", "options", "complaint"),
    [
        ("shakespeare", {"length": 100}, r"'shakespeare' has a fixed length: leave out `length`"),
        ("tinyshakespeare", {"length": 100}, r"has a fixed length"),
        ("utterances", {"source": "grammar"}, r"Only stories have a choice.*without `source`"),
        ("stories", {"source": "web"}, r"cannot be 'web': choose auto, grammar or tinystories"),
        ("stories", {"length": 0}, r"0 characters is not possible: ask for at least one"),
        ("utterances", {"length": -1}, r"-1 characters is not possible"),
    ],
)
def test_what_cannot_be_had_is_said(name: str, options: dict[str, str], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        corpora.load(name, **options)  # type: ignore[arg-type]


def test_spoken_lines() -> None:
    play = "KING HENRY 5:\nOnce more: unto\nThe breach:\n\nSecond Lord:\nThe 3 of us:\nyes.\n"
    assert corpora.spoken_lines(play) == "once more: unto\nthe breach:\n\nthe  of us:\nyes.\n"


def test_split_by_position() -> None:
    assert corpora.split_by_position("abcdefg", 3, 2) == ("abc", "de")
    with pytest.raises(ValueError, match="8 characters in total, but the text only 7"):
        corpora.split_by_position("abcdefg", 3, 5)


def test_rnn_extracts_follow_each_other_and_share_a_vocabulary() -> None:
    training, test = corpora.rnn_extracts()
    assert (len(training), len(test)) == (262_275, 7_140)
    assert corpora.spoken_lines(corpora.load("shakespeare").text).startswith(training + test)
    assert set(test) <= set(training)
    assert not any(character.isupper() or character.isdigit() for character in training)
    assert training.endswith("\n\n") and test.endswith("\n\n")


class Server:
    """A web server on this machine that sends `content` and counts how often it was asked."""

    def __init__(self) -> None:
        self.content = TINY
        self.requests = 0


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.requests += 1
            self.send_response(200)
            self.end_headers()
            self.wfile.write(state.content)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{http.server_port}/input.txt"
        monkeypatch.setattr(corpora, "TINY_SHAKESPEARE_URL", url)
        monkeypatch.setattr(corpora, "TINY_SHAKESPEARE_SHA256", hashlib.sha256(TINY).hexdigest())
        monkeypatch.setenv("LMLIB_CACHE", str(tmp_path / "a cache"))
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        yield state
        http.shutdown()


def test_tinyshakespeare_is_fetched_once(server: Server, tmp_path: Path) -> None:
    assert corpora.load("tinyshakespeare").text == TINY.decode()
    assert corpora.load("tinyshakespeare").source == corpora.TINY_SHAKESPEARE_URL
    assert server.requests == 1
    assert [path.name for path in (tmp_path / "a cache").iterdir()] == ["tinyshakespeare.txt"]


def test_a_corrupted_download_is_refused_and_not_kept(server: Server, tmp_path: Path) -> None:
    server.content = TINY[:-3]
    with pytest.raises(corpora.CorpusError, match="not the expected file.*discarded"):
        corpora.load("tinyshakespeare")
    assert not (tmp_path / "a cache").exists()


def test_a_damaged_copy_in_the_cache_is_fetched_anew(server: Server, tmp_path: Path) -> None:
    (tmp_path / "a cache").mkdir()
    (tmp_path / "a cache" / "tinyshakespeare.txt").write_bytes(b"half a fi")
    assert corpora.load("tinyshakespeare").text == TINY.decode()
    assert (tmp_path / "a cache" / "tinyshakespeare.txt").read_bytes() == TINY


def test_a_cache_that_cannot_be_written_costs_only_the_copy(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a file").write_text("in the way")
    monkeypatch.setenv("LMLIB_CACHE", str(tmp_path / "a file" / "cache"))
    assert corpora.load("tinyshakespeare").text == TINY.decode()


def test_without_network_the_way_out_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LMLIB_CACHE", str(tmp_path))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(corpora, "TINY_SHAKESPEARE_URL", "http://127.0.0.1:9/input.txt")
    with pytest.raises(corpora.CorpusError, match=r"no network\?.*load\(\"shakespeare\"\)"):
        corpora.load("tinyshakespeare")


def test_the_cache_is_where_the_user_keeps_caches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LMLIB_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert corpora.cache_folder() == tmp_path / "lmlib"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert corpora.cache_folder() == tmp_path / "home" / ".cache" / "lmlib"


# ---- stories


TALE = "One day, Lily met “Tom”.\n\n“Hi – it’s me…” said Tom."
PLAIN_TALE = 'One day, Lily met "Tom".\n"Hi - it\'s me..." said Tom.\n\n'


class Library:
    """A stand-in for the library datasets: it streams TALE without end and counts its loads."""

    def __init__(self) -> None:
        self.loads = 0
        self.streamed = 0
        self.rows = ["  ", "A café.", TALE]  # the first two are left out
        self.again = True
        self.error: Exception | None = None

    def load_dataset(self, name: str, *, split: str, streaming: bool) -> Iterator[dict[str, str]]:
        assert (name, split, streaming) == ("roneneldan/TinyStories", "train", True)
        self.loads += 1
        if self.error:
            raise self.error
        return self.stream()

    def stream(self) -> Iterator[dict[str, str]]:
        while True:
            for row in self.rows:
                self.streamed += 1
                yield {"text": row}
            if not self.again:
                return


@pytest.fixture
def undecided(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty cache, and no environment variable that has a say."""
    monkeypatch.setenv("LMLIB_CACHE", str(tmp_path / "a cache"))
    for name in ("LMLIB_STORIES", "LMLIB_PROFILE", "HF_ENDPOINT", *tinystories.OFFLINE):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def library(undecided: None, monkeypatch: pytest.MonkeyPatch) -> Library:
    """The stand-in, installed, on a machine whose network reaches the data set."""
    module = types.ModuleType("datasets")
    module.__spec__ = importlib.machinery.ModuleSpec("datasets", None)
    library = Library()
    module.load_dataset = library.load_dataset  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "datasets", module)
    monkeypatch.setattr(tinystories, "_answers", lambda host: True)
    return library


@pytest.fixture
def no_library(undecided: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)


def no_network(host: str) -> bool:
    raise AssertionError("the network was tried")


def test_stories_of_the_grammar(undecided: None) -> None:
    told = corpora.load("stories", length=5000, source="grammar")
    assert told.text == stories.write(5000)
    assert told.sha256 == hashlib.sha256(told.text.encode()).hexdigest()
    assert told.source == "Stories by lmlib's own grammar"
    assert "MIT" in told.licence


def test_stories_have_two_million_characters_unless_told(no_library: None) -> None:
    assert len(corpora.load("stories").text) == 2_000_000


def test_utterances(undecided: None) -> None:
    said = corpora.load("utterances", length=5000)
    assert said.text == stories.utterances(5000)
    assert said.sha256 == hashlib.sha256(said.text.encode()).hexdigest()
    assert "grammar" in said.source and "MIT" in said.licence


def test_tinystories_are_fetched_once_and_only_as_much_as_needed(
    library: Library, tmp_path: Path
) -> None:
    told = corpora.load("stories", length=500)
    assert told.text == (PLAIN_TALE * 20)[:500]
    assert "TinyStories by Eldan and Li" in told.source and "CDLA" in told.licence
    assert told.sha256 == hashlib.sha256(told.text.encode()).hexdigest()
    assert library.streamed < 50
    library.error = RuntimeError("a second fetch")
    assert corpora.load("stories", length=500) == told
    assert [path.name for path in (tmp_path / "a cache").iterdir()] == ["tinystories-500.txt"]


def test_cached_tinystories_need_no_library(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = corpora.load("stories", length=500)
    monkeypatch.setitem(sys.modules, "datasets", None)
    assert corpora.load("stories", length=500) == told


@pytest.mark.parametrize("damage", [b"", b"half a checksu", b"0" * 64 + b"\nOne day"])
def test_damaged_tinystories_are_fetched_anew(
    library: Library, tmp_path: Path, damage: bytes
) -> None:
    told = corpora.load("stories", length=500)
    (tmp_path / "a cache" / "tinystories-500.txt").write_bytes(damage)
    assert corpora.load("stories", length=500) == told
    assert library.loads == 2


def test_a_cache_that_cannot_be_written_costs_only_the_copy_of_tinystories(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a file").write_text("in the way")
    monkeypatch.setenv("LMLIB_CACHE", str(tmp_path / "a file" / "cache"))
    assert corpora.load("stories", length=500).text.startswith(PLAIN_TALE)
    corpora.load("stories", length=500)
    assert library.loads == 2


def assert_own_because(reason: str) -> None:
    """Stories are the grammar's and say why; asked for by name, TinyStories are refused."""
    told = corpora.load("stories", length=500)
    assert told.text == stories.write(500)
    assert "own grammar, since TinyStories is not available" in told.source
    assert reason in told.source
    with pytest.raises(corpora.CorpusError, match="without `source` and without.*LMLIB_STORIES"):
        corpora.load("stories", length=500, source="tinystories")


def test_without_the_library_stories_are_our_own(
    no_library: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tinystories, "_answers", no_network)
    assert_own_because("the library datasets is not installed")


def test_when_the_library_fails_stories_are_our_own(library: Library, tmp_path: Path) -> None:
    library.error = ConnectionError("Couldn't reach the Hub")
    assert_own_because('ConnectionError("Couldn\'t reach the Hub")')
    assert not (tmp_path / "a cache").exists()


def test_when_the_stream_breaks_off_stories_are_our_own(library: Library) -> None:
    library.again = False
    assert_own_because(f"only {len(PLAIN_TALE)} of 500 characters arrived")


@pytest.mark.parametrize("name", tinystories.OFFLINE)
def test_offline_mode_is_heeded(
    library: Library, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(tinystories, "_answers", no_network)
    monkeypatch.setenv(name, "1")
    assert_own_because(f"{name} is set")
    assert library.loads == 0


def test_a_host_out_of_reach_is_given_up_before_the_library_tries(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr(tinystories, "_answers", lambda host: asked.append(host))
    assert_own_because("https://huggingface.co does not answer")
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.example")
    assert_own_because("https://mirror.example does not answer")
    assert library.loads == 0


def test_whether_a_host_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    go_on = threading.Event()
    go_on.set()

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            assert self.path == "/datasets/roneneldan/TinyStories"
            go_on.wait(60)
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        host = f"http://127.0.0.1:{http.server_port}"
        assert tinystories._answers(host)
        go_on.clear()
        monkeypatch.setattr(tinystories, "PATIENCE", 0.05)
        assert not tinystories._answers(host)
        go_on.set()
        http.shutdown()
    assert not tinystories._answers(host)
    assert not tinystories._answers("no address at all")


def test_a_name_that_is_looked_up_for_ever_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    found = threading.Event()

    def look_up(request: object, timeout: float) -> nullcontext[None]:
        found.wait(5)
        return nullcontext()

    monkeypatch.setattr(tinystories, "PATIENCE", 0.05)
    monkeypatch.setattr(tinystories.urllib.request, "urlopen", look_up)
    assert not tinystories._answers("https://huggingface.co")
    found.set()


def test_in_the_profile_smoke_stories_are_our_own_and_the_network_is_left_alone(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tinystories, "_answers", no_network)
    monkeypatch.setenv("LMLIB_PROFILE", "smoke")
    assert corpora.load("stories", length=500).text == stories.write(500)
    assert library.loads == 0


def test_the_environment_decides_where_the_call_does_not(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LMLIB_STORIES", "grammar")
    assert "grammar" in corpora.load("stories", length=500).source
    assert library.loads == 0
    assert "TinyStories" in corpora.load("stories", length=500, source="tinystories").source
    monkeypatch.setenv("LMLIB_STORIES", "tinystories")
    monkeypatch.setenv("LMLIB_PROFILE", "smoke")
    assert "TinyStories" in corpora.load("stories", length=500).source
    monkeypatch.setenv("LMLIB_STORIES", "grimm")
    with pytest.raises(ValueError, match="LMLIB_STORIES cannot be 'grimm': choose auto"):
        corpora.load("stories", length=500)
