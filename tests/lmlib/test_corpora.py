import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from lmlib import corpora

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
    with pytest.raises(ValueError, match=r"'hamlet': choose \"shakespeare\" or"):
        corpora.load("hamlet")


def test_spoken_lines() -> None:
    play = "KING HENRY 5:\nOnce more: unto\nThe breach:\n\nSecond Lord:\nThe 3 of us:\nyes.\n"
    assert corpora.spoken_lines(play) == "once more: unto\nthe breach:\n\nthe  of us:\nyes.\n"


def test_split_by_position() -> None:
    assert corpora.split_by_position("abcdefg", 3, 2) == ("abc", "de")
    with pytest.raises(ValueError, match="8 characters together and the text only 7"):
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
    with pytest.raises(corpora.CorpusError, match="not the expected file.*thrown away"):
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
