"""Mutation testing: operators, and which of their wrong answers hidden tests and checks notice."""

import ast
import textwrap

import pytest
from small_course import NAME, SHIFTED, NotebookNode, cell_named, code, tiny_notebook

from nbjudge.authoring.mutation import audit
from nbjudge.authoring.mutation.operators import OPERATORS, mutants_of
from nbjudge.core.errors import CourseError


def changes(source: str) -> set[tuple[str, str]]:
    """The lines that the mutants of a piece of code change, before and after."""
    return {(one.before, one.after) for one in mutants_of(textwrap.dedent(source))}


@pytest.mark.parametrize(
    ("source", "before", "after"),
    [
        ("x = a < b", "x = a < b", "x = a <= b"),
        ("x = a @ b", "x = a @ b", "x = b @ a"),
        ("x = a + b", "x = a + b", "x = a"),
        ("x = range(n)", "x = range(n)", "x = range(n - 1)"),
        ("x = f(a, b)", "x = f(a, b)", "x = f(b, a)"),
        ("x = f(a, eps=1e-5)", "x = f(a, eps=1e-05)", "x = f(a)"),
        ("if a:\n    x = 1", "if a:", "if not a:"),
        ("x = a.sum(axis=-1)", "x = a.sum(axis=-1)", "x = a.sum(axis=0)"),
        ("x = a.T", "x = a.T", "x = a"),
        ("x = a.transpose(1, 2)", "x = a.transpose(1, 2)", "x = a"),
        ("x = np.tanh(a)", "x = np.tanh(a)", "x = a"),
        ("x = a.masked_fill(m, 0.0)", "x = a.masked_fill(m, 0.0)", "x = a"),
        ("x = a.copy()", "x = a.copy()", "x = a"),
        ("x = x + a", "x = x + a", "x += a"),
        ("x = query @ a", "x = query @ a", "x = key @ a"),
        ("model.eval()", "model.eval()", "model.train()"),
        ("x = F.softmax(a, dim=-1)", "x = F.softmax(a, dim=-1)", "x = F.softmax(a / 0.8, dim=-1)"),
        ("with torch.no_grad():\n    x = a", "with torch.no_grad():", "if True:"),
    ],
)
def test_operators_make_the_slips_of_the_field(source, before, after):
    assert (before, after) in changes(source)


def test_a_module_may_stand_in_for_another_of_its_kind():
    source = """
    class Block(nn.Module):
        def __init__(self):
            self.norm1 = nn.LayerNorm(4)
            self.norm2 = nn.LayerNorm(4)
            self.map = nn.Linear(4, 4)
        def forward(self, x):
            return self.norm2(self.norm1(x))
    """
    found = changes(source)
    line = "return self.norm2(self.norm1(x))"
    assert (line, "return self.norm1(self.norm1(x))") in found
    assert (line, "return self.map(self.norm1(x))") not in found


def test_every_mutant_is_another_program():
    source = (
        "def f(x, n):\n    y = x.copy()\n    for i in range(n):\n        y = y + i\n    return y"
    )
    mutants = mutants_of(source)
    texts = {one.source for one in mutants}
    assert len(texts) == len(mutants) > 5
    for text in texts:
        assert ast.dump(ast.parse(text)) != ast.dump(ast.parse(source))
    assert {one.operator for one in mutants} <= set(OPERATORS)


def test_only_the_solutions_lines_are_changed():
    source = "n = 3\n### BEGIN SOLUTION\nm = 4\n### END SOLUTION\nk = 5"
    assert {one.before for one in audit.mutants_of_cell(source)} == {"m = 4"}


# ---- the audit of a course


def with_check(source: str) -> NotebookNode:
    """The tiny notebook with another visible check."""
    notebook = tiny_notebook()
    cell_named(notebook, "scaled_check").source = source
    return notebook


@pytest.mark.kernel
def test_mutants_lose_their_points_and_weak_checks_are_told(build_tiny, executor):
    course = build_tiny(notebook=with_check("scaled(np.ones(2), 1.0)"))
    outcomes = audit.audit_mutants(course, NAME, executor)
    assert {outcome.mutant.after for outcome in outcomes} >= {"return values / factor"}
    assert all(outcome.is_killed for outcome in outcomes)
    assert audit.checked_share(outcomes) < 1
    assert (
        audit.summary(outcomes) == f"mutants {len(outcomes)}/{len(outcomes)} killed, 0 equivalent"
    )


@pytest.mark.kernel
def test_a_survivor_is_shown_with_its_difference_or_declared(build_tiny, executor):
    notebook = tiny_notebook()
    solution = cell_named(notebook, "scaled")
    solution.source = solution.source.replace(
        "return values * factor", "unused = 1\n    return values * factor"
    )
    course = build_tiny(notebook=notebook)
    survivors = [o for o in audit.audit_mutants(course, NAME, executor) if o.is_survivor]
    assert {one.mutant.before for one in survivors} == {"unused = 1"}
    assert "- unused = 1" in audit.described(survivors[0])

    path = course.mistakes(NAME)
    tables = [
        f'[[equivalent]]\ncell = "scaled"\nbefore = "unused = 1"\nafter = "{one.mutant.after}"\n'
        'because = "Nothing reads it."\n'
        for one in survivors
    ]
    path.write_text(path.read_text() + "\n" + "\n".join(tables))
    outcomes = audit.audit_mutants(course, NAME, executor)
    assert not any(outcome.is_survivor for outcome in outcomes)
    assert f"{len(survivors)} equivalent" in audit.summary(outcomes)

    path.write_text(path.read_text().replace("unused = 1", "unused = 2"))
    with pytest.raises(CourseError, match="is no mutant"):
        audit.audit_mutants(course, NAME, executor)


@pytest.mark.kernel
def test_an_exercise_without_a_hidden_test_has_no_mutants(build_tiny, executor):
    notebook = tiny_notebook()
    notebook.cells.append(code("shifted", SHIFTED, solution=True, locked=False))
    outcomes = audit.audit_mutants(build_tiny(notebook=notebook), NAME, executor)
    assert {outcome.cell for outcome in outcomes} == {"scaled"}


def test_exercises_that_reach_one_another_do_not_share_a_notebook():
    one, two, three = (mutants_of(f"x = {name} + 1")[:2] for name in "abc")
    reached = {"a": frozenset({"t1"}), "b": frozenset({"t1", "t2"}), "c": frozenset({"t3"})}
    rounds = audit._rounds({"a": one, "b": two, "c": three}, reached)
    assert all(not {"a", "b"} <= set(together) for together in rounds)
    assert any({"a", "c"} <= set(together) for together in rounds)
    assert sum(map(len, rounds)) == 6
