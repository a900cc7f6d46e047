"""`nbjudge build`: the release, the answer key, and the evidence of every known mistake.

Nothing is written before everything has been checked.  The refusals are the point: a notebook
that would leak an answer, a hidden test that an empty answer passes, or a tolerance that a right
answer could miss never becomes a release.
"""

import dataclasses
import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from nbformat import NotebookNode

from nbjudge.authoring import (
    asserts,
    drawing,
    handed_out,
    key_rules,
    release,
    release_steps,
    runs,
    searcher,
    source_rules,
    term_seeds,
)
from nbjudge.authoring.mistakes import (
    KnownWrong,
    empty_answers,
    read_mistakes,
    solutions_of,
    with_mistake,
)
from nbjudge.core import code_digests
from nbjudge.core.course import Assignment, Course
from nbjudge.core.errors import CourseError
from nbjudge.core.files import digest, write_bytes
from nbjudge.core.library import make_wheel
from nbjudge.core.notebooks import (
    METADATA_KEY,
    extra_credit,
    grade_id,
    has_evidence,
    is_solution,
    is_test,
    mentions_region,
    read_notebook,
    scored_file,
    worth,
)
from nbjudge.gradebook.connection import check_writable
from nbjudge.gradebook.ledger import Ledger, check_cells_kept, known_cells
from nbjudge.judge import answer_key
from nbjudge.judge.answer_key import (
    AnswerKey,
    CellKey,
    Expectation,
    MistakeEvidence,
    Payload,
    observations,
    read_payloads,
)
from nbjudge.judge.scorers import Scorer, load_scorer
from nbjudge.kernel import evidence
from nbjudge.sandbox.engine import Run
from nbjudge.sandbox.workers import NotebookExecutor

STUB = "empty answer: the stub"

Progress = Callable[[str, int, int], None]
"""Called with the run that has just ended, the number of finished runs, and the total."""


def build(course: Course, name: str, executor: NotebookExecutor, progress: Progress) -> bool:
    """Build the release and the answer key of the assignment `name`; False if nothing changed.

    Raises CourseError with the reason for each refusal; then nothing has been written.
    """
    assignment = course.assignment(name)
    if assignment.has_asserts:
        return _build_asserts(course, assignment, executor, progress)
    source_rules.check_folder(course, name)
    check_writable(course)
    source, template, released = check_source(course, name)
    scorer = load_scorer(assignment.scorer, course.root) if assignment.scorer else None
    inputs = _inputs_digest(course, assignment, released)
    if _is_current(course, name, inputs):
        return False
    wrong = read_mistakes(course.mistakes(name), source)
    handed_out.check(course, name, released)
    check_cells_kept(course, name, template)
    cells = _record(course, assignment, source, template, wrong, executor, progress)
    test_set = _test_set(course, name, scorer)
    release_steps.generate_release(course, name)
    if scorer is not None and test_set is not None:
        for file, content in scorer.handed_out(test_set).items():
            write_bytes(course.release(name).parent / file, content)
    settings = answer_key.settings_digest(assignment)
    key = AnswerKey(
        name,
        inputs,
        settings,
        answer_key.release_digest(course, name),
        tuple(cells),
        template,
        assignment.scorer,
        scorer,
        test_set,
    )
    answer_key.write_key(key, course.key(name))
    return True


def _build_asserts(
    course: Course, assignment: Assignment, executor: NotebookExecutor, progress: Progress
) -> bool:
    """Build an assignment with grade cells of asserts; False if nothing changed.

    Raises CourseError as `build` does; cells that observe are held to the same rules.
    """
    name = assignment.name
    path = course.source(name)
    check_writable(course)
    source = asserts.with_ids(read_notebook(path))
    asserts.check_source(source, path)
    observing = [cell for cell in source.cells if has_evidence(cell)]
    for cell in observing:
        source_rules.check_test(cell, path)
    template, released = release_steps.template_and_release(course, name, source)
    template = asserts.template_of(template)
    template.metadata[METADATA_KEY]["students"] = _students_names(source)
    files = asserts.files_beside(path)
    made = _inputs_digest(course, assignment, asserts.with_ids(released))
    inputs = digest(made, asserts.files_digest(files))
    if _is_current(course, name, inputs):
        return False
    check_cells_kept(course, name, template)
    cells = asserts.cell_keys(course, template, released)
    if observing:
        # the solution runs as a submission does
        whole = runs.carrying(asserts.template_of(source), files)
        wrong = read_mistakes(course.mistakes(name), whole)
        carried = runs.carrying(template, files)
        cells += _record(course, assignment, whole, carried, wrong, executor, progress)
    order = [cell.id for cell in template.cells]
    cells.sort(key=lambda cell: order.index(cell.grade_id))
    if not _is_released(course, name, template, released):
        release_steps.generate_release(course, name)
    key = AnswerKey(
        name,
        inputs,
        answer_key.settings_digest(assignment),
        answer_key.release_digest(course, name),
        tuple(cells),
        template,
        files=files,
    )
    answer_key.write_key(key, course.key(name))
    return True


def _is_released(course: Course, name: str, template: NotebookNode, released: NotebookNode) -> bool:
    """Whether nbgrader has released this notebook and knows its cells: then both stay."""
    if not course.release(name).is_file():
        return False
    before = read_notebook(course.release(name))
    seen = [[(c.cell_type, c.source, c.metadata.get("nbgrader")) for c in one.cells]
            for one in (before, released)]  # fmt: skip
    return seen[0] == seen[1] and known_cells(course, name) == {
        found for cell in template.cells if (found := grade_id(cell))
    }


def build_all(
    course: Course,
    names: Iterable[str],
    executor: NotebookExecutor,
    progress: Callable[[str, str, int, int], None],
) -> list[str]:
    """Build the assignments called `names` and complete release/; those in which anything changed.

    progress: called with an assignment, and with what `Progress` is called with

    Raises CourseError as `build` does; the assignments before that one have been built.
    """
    changed = []
    for name in names:
        progress(name, "", 0, 1)
        is_new = build(course, name, executor, functools.partial(progress, name))
        progress(name, "built" if is_new else "unchanged", 1, 1)
        changed += [name] if is_new else []
    release.complete(course)
    return changed


def _test_set(course: Course, name: str, scorer: Scorer | None) -> bytes | None:
    """The test set for submitted files: made once, and kept with the key from then on."""
    if scorer is None:
        return None
    path = course.key(name) / answer_key.TEST_SET
    if not path.exists():
        write_bytes(path, scorer.make_test_set())
    return answer_key.read_test_set(path)


def check_source(course: Course, name: str) -> tuple[NotebookNode, NotebookNode, NotebookNode]:
    """The source notebook of `name`, and the template and the release that it becomes.

    Raises CourseError if it may not become a release.
    """
    source = read_notebook(course.source(name))
    scorer = course.assignment(name).scorer
    scored = load_scorer(scorer, course.root).files if scorer else ()
    source_rules.check_source(source, course.source(name), scored)
    source = term_seeds.with_term(source, course.term.name)
    template, released = release_steps.template_and_release(course, name, source)
    _check_release(released, name)
    for notebook in (source, template):
        notebook.metadata.setdefault(METADATA_KEY, {})["students"] = _students_names(source)
    earlier = handed_out.earlier_texts(course, name, released)
    for cell in template.cells:
        if cell.id in earlier:
            cell.metadata.setdefault(METADATA_KEY, {})["handed_out"] = earlier[cell.id]
    return source, template, released


def _students_names(source: NotebookNode) -> list[str]:
    """The global names that solution cells bind: the course's cells take them from students."""
    return sorted(
        {
            name
            for cell in source.cells
            if cell.cell_type == "code" and is_solution(cell)
            for name in handed_out.defines(cell.source)
            if "." not in name
        }
    )


def _inputs_digest(course: Course, assignment: Assignment, released: NotebookNode) -> str:
    """A digest of everything that a build reads: notebook, mistakes, settings, code."""
    paths = [course.source(assignment.name), course.mistakes(assignment.name)]
    paths.append(course.root / "nbgrader_config.py")
    parts = [path.read_bytes() if path.exists() else b"" for path in paths]
    parts.append(course.release_address.encode())
    parts += [make_wheel(course.library)[0].encode()] if course.library else []
    if earlier := handed_out.earlier_texts(course, assignment.name, released):
        parts.append(repr(earlier).encode())
    return digest(
        *parts,
        answer_key.settings_digest(assignment),
        code_digests.of_builds(assignment.library, assignment.scorer),
    )


def _is_current(course: Course, name: str, inputs: str) -> bool:
    try:
        key = answer_key.key_for_grading(course, name)
        with Ledger(course, name):
            return key.inputs == inputs
    except CourseError:
        return False


def _check_release(released: NotebookNode, name: str) -> None:
    for cell in released.cells:
        if marker := mentions_region(cell.source):
            raise CourseError(f"The release of {name} would hold {marker!r} in the cell {cell.id}.")


def _record(
    course: Course,
    assignment: Assignment,
    source: NotebookNode,
    template: NotebookNode,
    wrong: KnownWrong,
    executor: NotebookExecutor,
    progress: Progress,
) -> list[CellKey]:
    """The key of every grade cell, from running the solution, the mistakes and empty answers."""
    variants = [f"solution in {dtype}, {threads} threads" for dtype, threads, _ in runs.VARIANTS]
    empty = empty_answers(source, wrong.empty)
    total = 1 + len(variants) + len(wrong.mistakes) + len(empty) + 1

    kept = course.key(assignment.name) / "runs"
    solution = {"solution": runs.solution_task(assignment, source)}
    base = runs.run_all(solution, executor, lambda what, done: progress(what, done, total),
                        kept / "solution")["solution"]  # fmt: skip
    key_rules.check_solution_ran(base)
    tests = [cell for cell in source.cells if is_test(cell)]
    if assignment.has_asserts:
        tests = [cell for cell in tests if has_evidence(cell)]
    cells = [_cell_key(cell, base) for cell in tests if not scored_file(cell)]
    key_rules.check_full_marks(cells, base, "The solution itself")

    student = functools.partial(runs.student_task, assignment, template)
    tasks = {
        name: runs.variant_task(assignment, source, variant)
        for name, variant in zip(variants, runs.VARIANTS, strict=True)
    }
    tasks |= {
        mistake.id: student(with_mistake(source, mistake), known=solutions_of(source))
        for mistake in wrong.mistakes
    }
    tasks |= {
        f"empty answer: {what}": student(answers, known={}) for what, answers in empty.items()
    }
    tasks |= {STUB: student({})}
    shown = runs.run_all(tasks, executor, lambda what, done: progress(what, done + 1, total),
                         kept)  # fmt: skip

    for name in shown.keys() - set(variants):  # a test that no change reaches shows what it did
        known = shown[STUB] if name.startswith("empty answer") else base
        shown[name] = runs.with_rest(shown[name], known)
    for name in variants:
        key_rules.check_variant(cells, shown[name], name)
    for mistake in wrong.mistakes:
        key_rules.check_tolerances(cells, mistake, shown[mistake.id])
    cells = [_with_mistakes(cell, wrong, shown) for cell in cells]
    key_rules.check_groups(cells, wrong)
    for name in shown:
        if name.startswith("empty answer"):  # these must not earn a mistake's credit either
            key_rules.check_empty(cells, shown[name], name)
    key_rules.check_constants(cells)
    drawing.check_power(cells)
    searcher.check_nothing_is_found(
        assignment, source, template, cells, executor, kept / "searches",
        lambda what, _: progress(f"search: {what}", total, total),
    )  # fmt: skip
    for mistake in wrong.mistakes:
        key_rules.check_mistake(cells, mistake, shown[mistake.id])
    judged = {cell.grade_id: cell for cell in cells}
    return [judged.get(cell.id) or _scored_key(cell) for cell in tests]


def _scored_key(cell: NotebookNode) -> CellKey:
    return CellKey(cell.id, worth(cell), (), scored_file=scored_file(cell))


def _cell_key(cell: NotebookNode, run: Run) -> CellKey:
    """The key of one grade cell, from what it observed and expected in the instructor's run."""
    payloads = tuple(read_payloads(run.evidence.get(cell.id, ())))
    observed = observations(payloads)
    expected = [payload for payload in payloads if "expectation" in payload]
    names = [payload["expectation"] for payload in expected]
    names += [payload["stand_in"] for payload in expected if payload["stand_in"]]

    def refuse(what: str) -> CourseError:
        return CourseError(f"The grade cell {cell.id} {what}.")

    for name, observation in observed.items():
        if observation is None:
            raise refuse(f"observes {name!r} twice")
    for name in names:
        if names.count(name) > 1:
            raise refuse(f"expects {name!r} twice")
        if name not in observed:
            raise refuse(f"expects {name!r}, but does not observe it")
    for name, observation in observed.items():
        if observation is None or name not in names:
            raise refuse(f"observes {name!r}, but its KEY region does not expect it")
        if observation.raised:
            raised = observation.raised
            raise refuse(f"sees the solution raise {raised.type} at {name!r}: {raised.message}")
        if incomparable := _incomparable(observation.value):
            raise refuse(f"cannot compare what {name!r} returns ({incomparable})")
    if all(payload["guard"] for payload in expected):
        raise refuse("has only guards, so nothing could earn its points")
    expectations = []
    for payload in expected:
        try:
            expectations.append(_expectation(payload, payloads))
        except ValueError as error:
            raise refuse(f"cannot compare {payload['expectation']!r}: {error}") from error
    return CellKey(cell.id, worth(cell), tuple(expectations), is_extra=bool(extra_credit(cell)))


def _incomparable(value: Any) -> str:
    """The type of the first object in an observed value that the judge cannot compare, or ""."""
    if isinstance(value, evidence.Opaque):
        return value.type
    if isinstance(value, dict):
        value = list(value.values())
    parts = value if isinstance(value, list) else []
    return next((found for part in parts if (found := _incomparable(part))), "")


def _expectation(expected: Payload, payloads: tuple[Payload, ...]) -> Expectation:
    seen = {p["observation"]: p["value"] for p in payloads if "observation" in p}
    name, oracle, stand_in = expected["expectation"], expected["oracle"], expected["stand_in"]
    return Expectation(
        name=name,
        comparator=expected["comparator"],
        value=seen[name] if oracle is None else oracle,
        guard=expected["guard"],
        stand_in=stand_in,
        stand_in_value=None if stand_in is None else seen[stand_in],
    )


def _with_mistakes(cell: CellKey, wrong: KnownWrong, shown: Mapping[str, Run]) -> CellKey:
    found = tuple(
        MistakeEvidence(
            id=mistake.id,
            says=mistake.says,
            credit=mistake.credit,
            payloads=tuple(read_payloads(shown[mistake.id].evidence.get(cell.grade_id, ()))),
        )
        for mistake in wrong.mistakes
        if cell.grade_id in mistake.breaks
    )
    return dataclasses.replace(cell, mistakes=found)
