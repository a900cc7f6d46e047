"""The list says what is done and what is still to do, and never stops a notebook."""

import dataclasses
from pathlib import Path

import pytest

from lmlib import checklist
from lmlib.run_log import Results, Run

RUNS = [
    Run(name, seed, "60 s", name, 100, 10, seconds=60.0, flops=1e9, spent=0.99, validation=2.0,
        test=2.0 + seed / 10, curve=[(0.0, 4.0), (0.99, 2.0)])
    for name in ("baseline", "mine") for seed in range(3)
]  # fmt: skip
RESULTS = Results(tuple(RUNS))


def unwritten() -> object:
    raise NotImplementedError


def said(
    capsys: pytest.CaptureFixture[str],
    authors: object = ("Ada", "Alan"),
    link: object = "https://example.org/code",
    results: Results = RESULTS,
) -> list[str]:
    checklist.show(lambda: authors, lambda: link, results)
    return capsys.readouterr().out.splitlines()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "report.md").write_text("# T\n\n![Losses.](losses.png)\n")
    (tmp_path / "losses.png").write_bytes(b"png")
    (tmp_path / "report.pdf").write_bytes(b"%PDF /Type /Pages /Type /Page /Type /Page")
    return tmp_path


def test_all_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    lines = said(capsys)
    assert len(lines) == 7 and all(line.startswith("✓ ") for line in lines)
    assert lines[0] == "✓ by Ada and Alan" and "0.10 hours" in lines[4]
    assert lines[6] == "✓ report.pdf has 2 pages"


def test_nothing_is_done(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("report.md", "losses.png", "report.pdf"):
        (folder / name).unlink()
    checklist.show(unwritten, unwritten, Results())
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 7 and all(line.startswith("… ") for line in lines)


@pytest.mark.parametrize("names", ["Ada", [], ["Ada", "Alan", "Grace"], ["Ada", " "], [1], None])
def test_names_are_one_or_two_texts(capsys: pytest.CaptureFixture[str], names: object) -> None:
    assert said(capsys, authors=names)[0].startswith("… name yourself")


@pytest.mark.parametrize("link", ["", "example.org", "https://…", "https://a b.c", None])
def test_a_link_is_an_address(capsys: pytest.CaptureFixture[str], link: object) -> None:
    assert said(capsys, link=link)[1].startswith("… give the address of your code in code_link")


@pytest.mark.parametrize(
    "runs",
    [
        RUNS[:5],
        RUNS[:3],
        [dataclasses.replace(run, budget=f"{run.candidate} s") for run in RUNS],
        [dataclasses.replace(run, error="broken") if run.seed == 2 else run for run in RUNS],
    ],
)
def test_three_seeds_of_two_candidates_under_one_budget(
    capsys: pytest.CaptureFixture[str], runs: list[Run]
) -> None:
    assert said(capsys, results=Results(tuple(runs)))[2].startswith("… compare the baseline")


def test_a_budget_that_was_not_kept_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    over = dataclasses.replace(RUNS[4], spent=1.31)
    line = said(capsys, results=Results((*RUNS[:4], over, RUNS[5])))[3]
    assert line.startswith("… ") and line.endswith("mine with seed 1: 1.31")


def test_two_hours_are_all(capsys: pytest.CaptureFixture[str]) -> None:
    long = [dataclasses.replace(run, seconds=1300.0) for run in RUNS]
    assert said(capsys, results=Results(tuple(long)))[4].startswith("… the log holds 2.17 hours")


def test_a_figure_must_be_there(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "losses.png").unlink()
    assert "(losses.png does not exist)" in said(capsys)[5]
    (folder / "report.md").write_text("no picture")
    assert said(capsys)[5].startswith("… show at least one figure")


def test_a_fifth_page_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "report.pdf").write_bytes(b"/Type /Page " * 5)
    assert said(capsys)[6].startswith("… report.pdf has 5 pages and should have at most 4")
