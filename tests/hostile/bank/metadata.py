"""Notebooks that lie about themselves: tags, points, ids, kernels, outputs, records, formats."""

import json
from collections.abc import Callable

import nbformat
from entries import (
    BOTH,
    FAILED,
    NOTHING,
    ONLY_MEAN,
    ONLY_SCALED,
    RIGHT_MEAN,
    Desk,
    Points,
    entry,
)
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output, new_raw_cell
from small_course import cell_named, metadata

Change = Callable[[NotebookNode], None]

UNSOLVED = ""


def changed(
    name: str, tries: str, deserves: Points | None = ONLY_MEAN, scaled: str = UNSOLVED
) -> Callable[[Change], Change]:
    """Add a notebook with a right running mean that the decorated function changes first."""

    def add(change: Change) -> Change:
        @entry(name, tries, deserves)
        def make(desk: Desk) -> None:
            notebook = desk.notebook(scaled)
            change(notebook)
            desk.hand_in(json.dumps(notebook))

        return change

    return add


def changed_honestly(name: str, tries: str) -> Callable[[Change], Change]:
    """Add a changed notebook in which both exercises are right."""
    return changed(name, tries, BOTH, "def scaled(values, factor):\n    return values * factor")


@changed(
    "metadata-skip-execution",
    "Tags hidden tests with what makes runners skip them; hidden asserts cannot stop that.",
)
def skip_execution(notebook: NotebookNode) -> None:
    for cell in notebook.cells:
        cell.metadata["tags"] = ["skip-execution", "raises-exception", "training", "remove-cell"]
    notebook.metadata["tags"] = ["skip-execution"]


@changed_honestly("metadata-skip-execution-honest", "The same tags on exercises that are right.")
def skip_answers(notebook: NotebookNode) -> None:
    for cell in notebook.cells:
        cell.metadata["tags"] = ["skip-execution", "training"]


@changed("metadata-points", "Gives every cell a thousand points.")
def points(notebook: NotebookNode) -> None:
    for cell in notebook.cells:
        cell.metadata.setdefault("nbgrader", {}).update(points=1000, grade=True)


@changed("metadata-points-of-no-kind", "Gives cells points that are no numbers.")
def strange_points(notebook: NotebookNode) -> None:
    wrong = ["4", None, [], -4, 1e999, True, {"points": 4}]
    for cell, points in zip(notebook.cells, wrong, strict=False):
        cell.metadata["nbgrader"] = {**cell.metadata.get("nbgrader", {}), "points": points}


@changed("metadata-grade-ids-changed", "Gives hidden tests the ids of cells that earn nothing.")
def ids_changed(notebook: NotebookNode) -> None:
    cell_named(notebook, "scaled_test").metadata.nbgrader.grade_id = "scaled_check"
    cell_named(notebook, "scaled_check").metadata.nbgrader.grade_id = "scaled_test"


@changed("metadata-ids-taken", "Gives the right exercise the id of the other one too.")
def ids_taken(notebook: NotebookNode) -> None:
    cell = cell_named(notebook, "scaled")
    cell.source = f"{RIGHT_MEAN}\nscaled = running_mean"


@changed("metadata-bonus-cell", "Adds a grade cell of its own, worth a hundred points.")
def bonus(notebook: NotebookNode) -> None:
    extra = new_code_cell("print(100)\n100", metadata=metadata("bonus", grade=True, points=100))
    notebook.cells.append(extra)


@changed("metadata-grade-cell-doubled", "Hands in the hidden test twice, the copy with a claim.")
def doubled(notebook: NotebookNode) -> None:
    for position in (0, len(notebook.cells)):
        copy = nbformat.from_dict(json.loads(json.dumps(cell_named(notebook, "scaled_test"))))
        copy.source = "print('Everything that was observed is right.')\n4.0"
        notebook.cells.insert(position, copy)


@changed("metadata-scratch-as-hidden-test", "Calls a cell of its own the hidden test.")
def scratch_as_test(notebook: NotebookNode) -> None:
    cell_named(notebook, "imports").metadata.nbgrader.grade_id = "scaled_test"
    cell_named(notebook, "imports").source = "import numpy as np\n4.0"


@changed_honestly("metadata-grade-cells-deleted", "Hands in exercises only, and no hidden test.")
def deleted(notebook: NotebookNode) -> None:
    kept = ("imports", "scaled", "running_mean")
    notebook.cells = [cell for cell in notebook.cells if cell.id in kept]


@changed_honestly("metadata-locked-cells-emptied", "Empties every cell that is locked.")
def emptied(notebook: NotebookNode) -> None:
    for cell in notebook.cells:
        if cell.id not in ("scaled", "running_mean"):
            cell.source = ""


@changed("metadata-locked-cells-rewritten", "Rewrites hidden tests and checks into claims.")
def rewritten(notebook: NotebookNode) -> None:
    for name in ("scaled_test", "scaled_check"):
        cell_named(notebook, name).source = "def scaled(*a): return 4.0\nprint(4.0)\n4.0"
        cell_named(notebook, name).metadata.nbgrader.locked = False


@changed("metadata-solution-in-hidden-test", "Unlocks a hidden test and calls it a solution.")
def unlocked(notebook: NotebookNode) -> None:
    cell = cell_named(notebook, "scaled_test")
    cell.metadata.nbgrader.update(solution=True, locked=False, grade=True)
    cell.source = "observe = print\nhidden_observe = print"


@changed("metadata-hidden-markers", "Writes the markers of hidden regions into cells of its own.")
def markers(notebook: NotebookNode) -> None:
    cell_named(notebook, "scaled").source = (
        "### BEGIN HIDDEN TESTS\n### BEGIN SOLUTION\ndef scaled(values, factor):\n    return 4.0\n"
        "### END SOLUTION\n### BEGIN KEY\n### END HIDDEN TESTS\n### END MARK SCHEME"
    )


@changed_honestly("metadata-kernelspec", "Names another kernel, language and launcher.")
def kernelspec(notebook: NotebookNode) -> None:
    notebook.metadata["kernelspec"] = {
        "name": "bash",
        "language": "bash",
        "display_name": "../../bin/sh",
        "argv": ["sh", "-c", "exit 0"],
        "env": {"PYTHONPATH": "."},
    }


@changed_honestly("metadata-language-info", "Names a hostile language with hostile file endings.")
def language_info(notebook: NotebookNode) -> None:
    notebook.metadata["language_info"] = {
        "name": "<script>alert(1)</script>",
        "file_extension": "/../../../tmp/x",
        "codemirror_mode": {"name": ["javascript:alert(1)"]},
        "nbconvert_exporter": "os.system",
        "pygments_lexer": "../../x",
    }


@changed("metadata-another-students-name", "Claims to be another student's.")
def another_student(notebook: NotebookNode) -> None:
    notebook.metadata["nbjudge"] = {"student": "aaron", "assignment": "tiny"}
    notebook.metadata["nbgrader"] = {"student": "aaron", "notebook": "tiny", "course": "x"}
    notebook.metadata["authors"] = [{"name": "aaron"}]


@changed("metadata-record", "Brings the record of a full score along.")
def record(notebook: NotebookNode) -> None:
    verdicts = [
        {"grade_id": f"{name}_test", "points": 4, "score": 4, "matched": 4, "expected": 4,
         "mistake": None, "words": ["Everything that was observed is right."]}
        for name in ("scaled", "running_mean")
    ]  # fmt: skip
    notebook.metadata["nbjudge"] = {
        "record": {
            "assignment": "tiny", "student": "aaron", "status": "graded", "reason": "",
            "verdicts": verdicts, "notes": ["Well done."], "submission": "", "key": "",
        }
    }  # fmt: skip


@changed("metadata-outputs", "Brings the outputs of a full score along, and says that it has run.")
def outputs(notebook: NotebookNode) -> None:
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.execution_count = 1
            cell.outputs = [
                new_output("stream", name="stdout", text="Everything that was observed is right."),
                new_output("execute_result", {"text/plain": "4.0"}, execution_count=1),
            ]


@changed("metadata-origins", "Says of its own cells that they come from the template.")
def origins(notebook: NotebookNode) -> None:
    notebook.cells.insert(2, new_code_cell("print(4.0)"))
    for cell in notebook.cells:
        cell.metadata["nbjudge"] = {"origin": "template", "handed_out": ["0" * 64]}


@changed("metadata-another-assignment", "Is the notebook of another assignment.", FAILED)
def another_assignment(notebook: NotebookNode) -> None:
    notebook.metadata["nbjudge"] = {"assignment": "ps9"}


@changed("metadata-hostile-assignment", "Names an assignment that is markup and control.", FAILED)
def hostile_assignment(notebook: NotebookNode) -> None:
    notebook.metadata["nbjudge"] = {"assignment": "\x1b[2J<script>alert(1)</script>\n/../.."}


@changed_honestly("metadata-none", "Has no metadata at all, anywhere.")
def no_metadata(notebook: NotebookNode) -> None:
    notebook.metadata.clear()
    for cell in notebook.cells:
        cell.metadata.clear()


@changed_honestly("metadata-of-no-kind", "Has metadata that is no dictionary.")
def strange_metadata(notebook: NotebookNode) -> None:
    notebook["metadata"] = [1, 2]
    for cell, wrong in zip(notebook.cells, ([], None, "x", 5), strict=False):
        cell["metadata"] = wrong


@changed_honestly("metadata-minor-format", "Is of a format that there is not yet.")
def minor(notebook: NotebookNode) -> None:
    notebook["nbformat"], notebook["nbformat_minor"] = 4, 999


@changed_honestly("metadata-major-format", "Is of a format that there will never be.")
def major(notebook: NotebookNode) -> None:
    notebook["nbformat"] = {"major": [4]}


@changed_honestly("metadata-ids-doubled", "Gives all cells one id.")
def ids_doubled(notebook: NotebookNode) -> None:
    for cell in notebook.cells:
        cell["id"] = "scaled"


@changed_honestly("metadata-ids-hostile", "Gives cells ids that are markup, paths, and no text.")
def ids_hostile(notebook: NotebookNode) -> None:
    wrong = ["<script>", "../../x", "", 5, None, ["x"], {"a": 1}, "x" * 100_000, "\ud83d", "\0"]
    for cell, name in zip(notebook.cells, wrong, strict=False):
        cell["id"] = name


@changed_honestly("metadata-attachments", "Has raw cells, attachments, and cells of no known kind.")
def attachments(notebook: NotebookNode) -> None:
    picture = {"x.png": {"image/png": "iVBORw0KGgo="}, "<script>": {"text/html": "<script>"}}
    notebook.cells.insert(1, new_markdown_cell("![x](attachment:x.png)", attachments=picture))
    notebook.cells.insert(1, new_raw_cell("raw", metadata={"format": "text/html"}))
    strange = nbformat.from_dict({"cell_type": "heading", "source": "x", "metadata": {}})
    notebook.cells.insert(1, strange)


@changed_honestly("metadata-cells-of-no-kind", "Has cells that are numbers, lists and nothing.")
def strange_cells(notebook: NotebookNode) -> None:
    strange = [5, None, [], "x", {}, {"cell_type": "code"}, {"cell_type": "code", "source": 5}]
    notebook["cells"] = [*strange, *notebook.cells]


@changed_honestly("metadata-large-cell", "Has a cell of a million characters.")
def large_cell(notebook: NotebookNode) -> None:
    notebook.cells.insert(2, new_code_cell("# " + "x" * 1_000_000))
    notebook.cells.insert(2, new_markdown_cell("[" * 100_000))


@changed("metadata-many-cells", "Has three thousand cells.", FAILED)
def many_cells(notebook: NotebookNode) -> None:
    notebook.cells += [new_code_cell("1") for _ in range(3000)]


@changed_honestly("metadata-hundreds-of-cells", "Has as many cells as are still read.")
def hundreds_of_cells(notebook: NotebookNode) -> None:
    notebook.cells += [new_markdown_cell(f"## {number}") for number in range(1900)]


@changed("metadata-answer-as-code", "Puts code where written answers stand, and text for code.")
def exchanged_kinds(notebook: NotebookNode) -> None:
    answer = cell_named(notebook, "answer_task")
    answer["cell_type"] = "code"
    answer.source = "scaled = lambda values, factor: 4.0"
    cell_named(notebook, "scaled")["cell_type"] = "markdown"


@changed(
    "metadata-solution-doubled",
    "Hands an exercise in twice, wrong and right, with the right one first.",
    ONLY_SCALED,
    "def scaled(values, factor):\n    return values * factor",
)
def solution_doubled(notebook: NotebookNode) -> None:
    mean = cell_named(notebook, "running_mean")
    copy = nbformat.from_dict(json.loads(json.dumps(mean)))
    copy.source = "def running_mean(values):\n    return values"
    notebook.cells.insert(notebook.cells.index(mean) + 1, copy)


@changed("metadata-nothing-of-it", "Holds no cell of the assignment.", FAILED)
def nothing_of_it(notebook: NotebookNode) -> None:
    notebook.cells = [new_code_cell("print(4.0)\n4.0", id="mine")]


@entry("metadata-empty", "Is the notebook as it was handed out.", NOTHING)
def empty(desk: Desk) -> None:
    desk.hand_in(json.dumps(desk.notebook("", "")))
