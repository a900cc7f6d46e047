"""Runs on disk: never overwritten, whole or not at all, and what is handed in is checked."""

import io
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from lmlib import experiments
from lmlib.__main__ import main
from lmlib.experiments import RunError

TEST_SET = "0123456789ab"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a student works: a notebook and the contexts that came with it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ps5.ipynb").write_text("{}")
    arrays = {"contexts": np.zeros((4, 31)), "beginnings": np.zeros((2, 41))}
    np.savez(tmp_path / "contexts.npz", test_set=np.array(TEST_SET), **arrays)
    return tmp_path


def finished_run(test_set: str = TEST_SET, rows: int = 4, texts: int = 2) -> Path:
    run = experiments.new_run()
    experiments.save_predictions(run, np.zeros((rows, 31)), test_set)
    experiments.save_generations(run, ["A" * 30] * texts, test_set)
    return run


def test_runs_of_the_same_second_have_folders_of_their_own(folder: Path) -> None:
    runs = [experiments.new_run() for _ in range(3)]
    assert len(set(runs)) == 3
    assert all(run.is_dir() and run.parent == experiments.FOLDER for run in runs)


def test_what_was_handed_in_is_never_overwritten(folder: Path) -> None:
    run = finished_run()
    before = (run / "predictions.npz").read_bytes()
    with pytest.raises(RunError, match="already exists"):
        experiments.save_predictions(run, np.ones((4, 31)), TEST_SET)
    with pytest.raises(RunError, match="already exists"):
        experiments.save_generations(run, ["B" * 30], TEST_SET)
    assert (run / "predictions.npz").read_bytes() == before


def test_a_training_goes_on_where_it_was_stopped(folder: Path) -> None:
    run, model = experiments.new_run(), torch.nn.Linear(2, 2)
    assert experiments.load_checkpoint(run) is None
    experiments.save_checkpoint(run, {"model": model.state_dict(), "losses": [2.0, 1.5]})
    state = experiments.load_checkpoint(run)
    assert state is not None and state["losses"] == [2.0, 1.5]
    assert torch.equal(state["model"]["weight"], model.weight)


def test_a_crash_while_writing_leaves_the_last_checkpoint(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = experiments.new_run()
    experiments.save_checkpoint(run, {"step": 1})

    def crash(*paths: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(experiments.os, "replace", crash)
    with pytest.raises(KeyboardInterrupt):
        experiments.save_checkpoint(run, {"step": 2})
    assert experiments.load_checkpoint(run) == {"step": 1}
    assert [path.name for path in run.iterdir()] == ["checkpoint.pt"]


def test_scores_that_are_not_finite_are_refused_at_once(folder: Path) -> None:
    with pytest.raises(RunError, match="NaN or infinite"):
        experiments.save_predictions(experiments.new_run(), np.full((4, 31), np.nan), TEST_SET)


def test_runs_are_listed_with_the_best_first(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["submit", "--list"]) == 0
    assert "no runs" in capsys.readouterr().out
    worse, better, unfinished = (experiments.new_run() for _ in range(3))
    experiments.save_figures(worse, validation_nll=1.5)
    experiments.save_figures(better, validation_nll=1.1, seconds=200)
    assert main(["submit", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [better.name, worse.name, unfinished.name]
    assert "validation_nll 1.100, seconds 200.000" in lines[0]


def test_a_run_is_packed_with_the_notebook(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = finished_run()
    assert main(["submit", run.name]) == 0
    assert "hand it in" in capsys.readouterr().out
    with zipfile.ZipFile(folder / "ps5.zip") as packed:
        assert packed.namelist() == ["ps5.ipynb", *experiments.HANDED_IN]
        assert packed.read("predictions.npz") == (run / "predictions.npz").read_bytes()


def scores_file(**arrays: object) -> bytes:
    file = io.BytesIO()
    np.savez(file, **{"scores": np.zeros((4, 31)), "test_set": TEST_SET, **arrays})  # type: ignore[arg-type]
    return file.getvalue()


def texts_file(*lines: str, first: str = f"test set {TEST_SET}") -> bytes:
    return "\n".join([first, *lines]).encode()


BAD_FILES: dict[str, tuple[str, bytes, str]] = {
    "other contexts": (
        "predictions.npz", scores_file(test_set="another"), "made for other contexts",
    ),
    "too few scores": (
        "predictions.npz", scores_file(scores=np.zeros((3, 31))), r"\(3, 31\), not \(4, 31\)",
    ),
    "integers": ("predictions.npz", scores_file(scores=np.zeros((4, 31), int)), "of type int64"),
    "NaN": ("predictions.npz", scores_file(scores=np.full((4, 31), np.nan)), "NaN or infinite"),
    "no scores at all": ("predictions.npz", b"", "is empty"),
    "a damaged file": ("predictions.npz", scores_file()[:-30], "or is damaged"),
    "lower case": ("generations.txt", texts_file("A" * 30, "a" * 30), "lower-case letters in gen"),
    "a short text": ("generations.txt", texts_file("A" * 30, "A" * 29), "has 29 characters"),
    "too many texts": ("generations.txt", texts_file(*["A" * 30] * 5), "has 5 generations, not 2"),
    "a byte order mark": (
        "generations.txt", b"\xef\xbb\xbf" + texts_file(*["A" * 30] * 2), "byte order mark",
    ),
    "no texts at all": ("generations.txt", b"\n", "is empty"),
    "texts for another test set": (
        "generations.txt", texts_file(*["A" * 30] * 2, first="test set another"), "other contexts",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD_FILES)
def test_what_would_not_be_scored_is_not_packed(
    folder: Path, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    name, content, sentence = BAD_FILES[what]
    run = finished_run()
    (run / name).write_bytes(content)
    assert main(["submit", run.name]) == 1
    said = capsys.readouterr().err
    assert re.search(sentence, said) and name in said and said.count("\n") == 1
    assert not (folder / "ps5.zip").exists()


def test_damaged_contexts_are_said(folder: Path) -> None:
    (folder / "contexts.npz").write_bytes(b"<html>")
    with pytest.raises(RunError, match=r"contexts.npz is damaged, or not the one that came"):
        experiments.hand_in(finished_run(), folder / "ps5.ipynb")


def test_contexts_for_practice_have_slips_and_what_follows_has_none() -> None:
    sentence = list(np.random.default_rng(2).integers(3, 31, 80))
    made = experiments.practice_contexts([sentence] * 30)
    for rows in (made.validation, made.contexts):
        assert ((rows != np.array(sentence[:31])).sum(axis=1) == 2).all()
    assert (made.validation_follow == sentence[31:51]).all()
    assert (made.beginnings == sentence[:41]).all()


def test_what_is_missing_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["submit", experiments.new_run().name]) == 1
    assert "no predictions.npz and no generations.txt" in capsys.readouterr().err
    assert main(["submit", "nowhere"]) == 1
    assert "There is no run" in capsys.readouterr().err
    (folder / "other.ipynb").write_text("{}")
    assert main(["submit", finished_run().name]) == 1
    assert "2 notebooks in this folder" in capsys.readouterr().err
    (folder / "contexts.npz").unlink()
    with pytest.raises(RunError, match=r"no contexts.npz next to"):
        experiments.hand_in(finished_run(), folder / "ps5.ipynb")


def test_the_command_needs_nothing_of_the_graders(folder: Path) -> None:
    program = (
        "import sys; sys.modules['rich'] = sys.modules['nbgrader'] = None\n"
        "sys.argv = ['lmlib', 'submit', '--list']\n"
        "from lmlib.__main__ import main; raise SystemExit(main())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
