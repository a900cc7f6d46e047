"""Drafts of evidence from asserts: what an assert says, and what is left to a person."""

import ast

import pytest
import stock_course

from nbjudge import cli
from nbjudge.authoring.draft import drafted
from nbjudge.core.errors import CourseError
from nbjudge.core.notebooks import region


@pytest.mark.parametrize(
    ("asserts", "observed", "expected"),
    [
        ("assert f(3) == 9", "observe('f(3)', f, 3)", "expect('f(3)', equal(), oracle=9)"),
        ("assert 9 == f(3)", "observe('f(3)', f, 3)", "expect('f(3)', equal(), oracle=9)"),
        ("assert f(3) == 0.5", "f, 3)", "close(rtol=1e-6), oracle=0.5"),
        ("assert f(2, by=x) == [1, 2]", "f, 2, by=x)", "oracle=[1, 2]"),
        ("assert abs(f(1) - 2.5) < 1e-3", "f, 1)", "close(rtol=0, atol=0.001), oracle=2.5"),
        ("np.testing.assert_allclose(f(x), y, rtol=1e-4)", "f, x)", "close(rtol=1e-4), oracle=y"),
        ("np.testing.assert_allclose(f(x), y)", "f, x)", "close(rtol=1e-7), oracle=y"),
        ("np.testing.assert_array_equal(f(x), y)", "f, x)", "equal(), oracle=y"),
        ("assert np.allclose(f(x), y, atol=1e-3)", "f, x)", "close(rtol=1e-5, atol=0.001)"),
        ("assert isinstance(f(1), list)", "f, 1)", "expect('f(1)', equal())"),
        ("assert model.fit(1).shape() == 2", "model.fit(1).shape)", "oracle=2"),
        ("assert f(1) == 1 and f(2) == 4", "observe('f(2)', f, 2)", "oracle=4"),
        (
            "for x, y in [(1, 1), (2, 4)]:\n    assert f(x) == y",
            '    observe(f"f of {x}", f, x)',
            '    expect(f"f of {x}", equal(), oracle=y)',
        ),
    ],
)
def test_an_assert_becomes_an_observation_and_an_expectation(asserts, observed, expected):
    made = drafted(asserts)
    ast.parse(made)
    assert observed in region(made, "HIDDEN TESTS")
    assert expected.replace("1e-4", "0.0001").replace("1e-3", "0.001") in region(
        made, "KEY"
    ).replace("1e-3", "0.001")


def test_inputs_stay_and_what_cannot_be_read_is_left_to_a_person():
    made = drafted("x = [1, 2]\nassert f(x) == 3\nassert x[0] < f(x)\nassert f(x) == 3")
    hidden = region(made, "HIDDEN TESTS")
    assert "x = [1, 2]" in hidden and "'f(x) (2)'" in hidden
    assert "# TODO: observe what this is about: assert x[0] < f(x)" in hidden


@pytest.mark.parametrize("source", ["x = 1", "assert x", "def", "assert callable(f)"])
def test_a_cell_without_a_readable_assert_is_refused(source):
    with pytest.raises(CourseError):
        drafted(source)


def test_the_command_prints_a_draft_or_says_which_cells_there_are(tmp_path, monkeypatch, capsys):
    folder = stock_course.write(tmp_path / "course")
    (folder / "course.toml").write_text(
        '[[assignment]]\nname = "hw"\ntitle = "hw"\npackages = []\ntests = "asserts"\n'
    )
    monkeypatch.chdir(folder)
    assert cli.main(["evidence", "hw", "square_seen"]) == 0
    assert "observe('square(3)', square, 3)" in capsys.readouterr().out
    assert cli.main(["evidence", "hw", "square_sen"]) == 1
    assert "did you mean 'square_seen'" in capsys.readouterr().err
