"""Too alike: copies are found however they are dressed up, the problem's own code never is."""

import random
import re

import pytest
from small_course import ROOT

from nbjudge.core.notebooks import read_notebook
from nbjudge.pages import similarity
from nbjudge.pages.similarity import pairs

ALTERNATES = ROOT / "tests" / "alternates"

SOLUTION = """def scaled(values, factor):
    \"\"\"values (n,) times factor.\"\"\"
    result = np.zeros(len(values))
    for place in range(len(values)):
        result[place] = values[place] * factor
    return result
"""

COPIED = """def scaled(values, factor):
    # my very own idea
    doubled = [value + value for value in values if value > 0]
    while len(doubled) < len(values):
        doubled.append(factor ** 2 / (1 + abs(factor)))
    table = {name: np.tanh(row) for name, row in enumerate(doubled)}
    total = sum(table[key] * factor for key in sorted(table, reverse=True))
    if total > 1e3 or not np.isfinite(total):
        raise ValueError(f"too large: {total}")
    return np.array([total - entry for entry in doubled])[: len(values)]
"""


def renamed(source):
    """The same with other names, other comments and other layout."""
    for old, new in {"doubled": "dbl", "table": "lookup", "total": "s", "entry": "e"}.items():
        source = re.sub(rf"\b{old}\b", new, source)
    return source.replace("# my very own idea", "# mine, really").replace("    ", "  ")


def invented(seed, lines=12):
    """Code of one's own: random statements."""
    generator = random.Random(seed)
    functions = "exp log tanh sqrt cumsum argsort clip roll outer dot einsum diff".split()

    def term():
        function, number = generator.choice(functions), generator.randrange(90)
        return generator.choice(
            [f"np.{function}(x, {number})", f"x[{number}:] {generator.choice('+-*/@')} y",
             f"(y if x > {number} else x.{function}())", f"[a ** {number} for a in x]"]
        )  # fmt: skip

    body = [f"    v{n} = {term()} {generator.choice('+-*/')} {term()}" for n in range(lines)]
    return "\n".join(["def f(x, y):", *body, "    return v0"])


def class_of(number, **others):
    written = {f"student{n:03}": {"scaled": invented(n)} for n in range(number)}
    return written | {name: {"scaled": source} for name, source in others.items()}


def test_a_renamed_copy_is_found_in_a_class():
    found = pairs(class_of(60, ada=COPIED, bob=renamed(COPIED)), [])
    assert [pair.students for pair in found] == [("ada", "bob")]
    (pair,) = found
    assert pair.alike == pytest.approx(1) and 0.5 < pair.verbatim < 1


def test_an_exact_copy_is_alike_word_for_word():
    (pair,) = pairs(class_of(5, ada=COPIED, bob=COPIED), [])
    assert pair.alike == pair.verbatim == 1


def test_a_copy_with_something_of_ones_own_around_it():
    mixed = f"{invented(777, 4)}\n\n{renamed(COPIED)}\n\n{invented(778, 4)}"
    (pair,) = pairs(class_of(20, ada=COPIED, bob=mixed), [])
    assert pair.students == ("ada", "bob") and pair.alike > 0.9
    (passage,) = pair.passages
    marked = [passage.lines[1][place] for place in sorted(passage.alike[1])]
    assert "  lookup = {name: np.tanh(row) for name, row in enumerate(dbl)}" in marked
    assert not any(line in marked for line in invented(777, 4).splitlines()[1:])


def test_given_code_and_the_courses_solution_do_not_count():
    written = class_of(10, ada=COPIED, bob=renamed(COPIED))
    assert pairs(written, [COPIED]) == []
    everybody = {f"s{n}": {"scaled": SOLUTION.replace("result", f"r{n}")} for n in range(3)}
    assert pairs(everybody, [SOLUTION]) == []


def test_what_many_write_does_not_count():
    assert pairs({f"s{n}": {"scaled": COPIED} for n in range(4)}, []) == []
    assert len(pairs({f"s{n}": {"scaled": COPIED} for n in range(3)}, [])) == 3


def ring(size):
    """So many copies of one submission, each with other names and something of one's own."""
    return {f"ring{n}": f"{renamed(COPIED)}\n\n{invented(900 + n, 3)}" for n in range(size)}


@pytest.mark.parametrize("size", [4, 6, 10])
def test_a_ring_of_copies_is_found(size):
    found = pairs(class_of(60, **ring(size)), [])
    assert len(found) == size * (size - 1) // 2
    assert all(name.startswith("ring") for pair in found for name in pair.students)


def test_a_ring_is_a_few_of_many():
    assert pairs(class_of(60, **ring(11)), []) == []
    assert pairs(class_of(10, **ring(6)), []) == []


def test_what_different_people_have_in_each_exercise_is_no_ring():
    """A way of three lines has fewer than the runs of a ring; only a longer one could be one."""
    ways = [[invented(1000 + 10 * cell + way, 3) for way in range(6)] for cell in range(4)]
    choose = random.Random(0).choice
    written = {
        f"s{n:02}": {f"cell{cell}": choose(ways[cell]) for cell in range(4)} for n in range(60)
    }
    assert pairs(written, []) == []


def test_code_of_ones_own_is_not_alike():
    assert pairs(class_of(150), []) == []


def test_short_answers_are_nothing_to_compare():
    short = "def f(x):\n    return x.sum() / len(x) if x else 0.5"
    assert pairs({"ada": {"f": short}, "bob": {"f": short}}, []) == []


def test_order_and_number_of_students_do_not_matter():
    written = class_of(30, ada=COPIED, bob=renamed(COPIED))
    turned = dict(reversed(written.items()))
    assert pairs(written, []) == pairs(turned, [])
    assert pairs({}, []) == [] and pairs({"ada": {"f": COPIED}}, []) == []
    assert pairs({"ada": {}, "bob": {}}, []) == []


def test_only_cells_that_both_have_are_compared_for_the_eye():
    written = {"ada": {"f": COPIED}, "bob": {"own cell after f": COPIED}}
    (pair,) = pairs(written, [])
    assert pair.alike == 1 and pair.passages == ()


@pytest.mark.parametrize(
    "source", ["'''never closed", '"', "\x00\ud800 = (", "=" * 5000, "λ = 'é'"]
)
def test_whatever_is_written_is_read(source):
    pairs({"ada": {"f": source + COPIED}, "bob": {"f": COPIED + source}}, [source])


def test_no_more_runs_than_there_are_characters(monkeypatch):
    assert similarity._character(0x110000 - 0x800) == similarity._character(0)
    assert len({similarity._character(place) for place in range(0xD000, 0xF000)}) == 0x2000


@pytest.mark.parametrize("name", [path.name for path in sorted(ALTERNATES.iterdir())])
def test_right_answers_written_differently_are_no_pairs(name):
    source = read_notebook(ROOT / "source" / name / f"{name}.ipynb")
    given = [cell.source for cell in source.cells if cell.cell_type == "code"]
    for folder in (ALTERNATES / name).iterdir():
        answers = {path.stem: {folder.name: path.read_text()} for path in folder.glob("*.py")}
        assert pairs(answers, given) == []
