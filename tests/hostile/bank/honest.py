"""Honest trouble: what students do without harm in mind, and must not lose points for."""

import json
from collections.abc import Callable
from textwrap import dedent

import nbformat
from entries import BOTH, ONLY_MEAN, RIGHT_MEAN, Desk, attack, entry, honest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell
from small_course import cell_named

for name, cells, what in (
    ("errors", ["1 +", "1 / 0", "print(undefined)", "assert np.ones(1) == 3",
                "raise KeyboardInterrupt", "def f(n):\n    return f(n + 1)\nf(0)", 
                "if True:\n\tx = 1\n  y = 2"],
     "end with errors of all kinds"),
    ("unknown", ["%no_such_magic", "%%no_such_magic", "!no_such_program", "import torch, pandas",
                 "import no_such_module", "%pip --version"], "use what there is not"),
    ("input", ["name = input('Your name?')"], "asks for input"),
    ("slow", ["import time\ntime.sleep(3.5)"], "takes too long"),
    ("reset", ["%reset -f", "import numpy as np"], "starts afresh"),
    ("shadowed", ["sum = max = print = list = map = 3"], "shadows builtins"),
):  # fmt: skip
    honest(f"honest-cell-{name}", f"A cell that {what}.", first="\n# ---\n".join(cells))


def works(name: str, tries: str, *cells: str) -> None:
    """Add cells that have to run to their ends: the exercise counts them."""
    counted = [f"{dedent(cell).strip()}\nworked = worked + 1" for cell in cells]
    honest(
        name,
        tries,
        first="\n# ---\n".join(["worked = 0", *counted]),
        scaled=f"""
        def scaled(values, factor):
            assert worked == {len(cells)}
            return values * factor
        """,
    )


works(
    "honest-works-magics",
    "What IPython offers: the shell, timing, help, files.",
    "!ls\n!echo hello | cat",
    "%timeit -n 10 -r 2 1 + 1",
    "%time 1 + 1",
    "np.cumsum?",
    "%matplotlib inline",
    "listed = !echo one; echo two\nassert listed == ['one', 'two'], listed",
    "get_ipython().run_cell_magic('bash', '', 'for i in 1 2; do echo $i; done')",
    "get_ipython().run_cell_magic('writefile', 'notes.txt', 'hello')\nopen('notes.txt').read()",
    "import asyncio\nawait asyncio.sleep(0.05)",
)

works(
    "honest-works-files",
    "Files in the working folder, at home, and for the time being.",
    "np.save('a.npy', np.ones(3))\nnp.load('a.npy')",
    "from pathlib import Path\n(Path.home() / 'x.txt').write_text('x')",
    "import tempfile\nwith tempfile.TemporaryDirectory() as f:\n    open(f + '/x', 'w').write('x')",
    "import os\nos.makedirs('results/plots')\nos.rename('results', 'other')",
    "import sqlite3\nsqlite3.connect('x.db').execute('CREATE TABLE t (a)')",
    "open('/dev/null', 'w').write('x')\nopen('/dev/urandom', 'rb').read(8)",
)

works(
    "honest-works-machine",
    "Questions to the machine, and a fair use of it.",
    "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'import numpy'], check=True)",
    "import getpass, os, pwd\nprint(getpass.getuser(), pwd.getpwuid(os.getuid()))",
    "import datetime\nprint(datetime.datetime.now().astimezone())",
    "print(os.cpu_count(), os.sched_getaffinity(0), os.getloadavg(), os.uname())",
    "large = np.ones(50_000_000)\nassert large.sum() == 50_000_000\ndel large",
    "import threading\nthreads = [threading.Thread(target=sum, args=[[1]]) for _ in range(32)]\n"
    "for thread in threads:\n    thread.start()\nfor thread in threads:\n    thread.join()",
    "import multiprocessing.shared_memory\n"
    "shared = multiprocessing.shared_memory.SharedMemory(create=True, size=10)\n"
    "shared.close()\nshared.unlink()",
    "import socket\nprint(socket.gethostname())\na, b = socket.socketpair()\na.send(b'x')",
)

works(
    "honest-works-output",
    "Prints, warnings, logs and letters of other alphabets.",
    "for i in range(3000):\n    print('line', i)",
    "import warnings, sys\nwarnings.warn('hm')\nprint('hm', file=sys.stderr)",
    "import logging\nlogging.basicConfig(level=0)\nlogging.debug('x')",
    "größe = 3\nπ = 3.14\nprint('🙂', größe * π)",
    "np.seterr(all='raise')\nnp.set_printoptions(precision=2)",
    "def f(n):\n    return n and f(n - 1)\nf(900)",
)

works(
    "honest-works-processes",
    "Processes made by fork: a pool, an executor, a queue between them.",
    """
    import multiprocessing
    def square(x):
        return x * x
    context = multiprocessing.get_context("fork")
    with context.Pool(2) as pool:
        assert pool.map(square, range(5)) == [0, 1, 4, 9, 16]
    """,
    """
    from concurrent.futures import ProcessPoolExecutor
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        assert list(pool.map(square, range(5))) == [0, 1, 4, 9, 16]
    """,
    """
    queue = context.Queue()
    child = context.Process(target=queue.put, args=[3])
    child.start()
    assert queue.get(timeout=20) == 3
    child.join()
    """,
)

works(
    "honest-works-pictures",
    "A plot and a slider.",
    """
    import matplotlib.pyplot as plt
    plt.plot([1, 3, 2])
    plt.title("a plot")
    plt.show()
    """,
    """
    import ipywidgets
    ipywidgets.interact(lambda x: print(x), x=(0, 10))
    """,
)

honest(
    "honest-thread-pool",
    "An exercise that is solved in threads.",
    scaled="""
    from concurrent.futures import ThreadPoolExecutor
    def scaled(values, factor):
        with ThreadPoolExecutor(4) as pool:
            return np.array(list(pool.map(lambda value: value * factor, values)))
    """,
)

for name, scaled, mean, what in (
    ("last-lines", "def scaled(values, factor):\n    return values * factor\nscaled(np.ones(2), 3)",
     f"%matplotlib inline\n{RIGHT_MEAN}\nprint(running_mean(np.ones(2)))\n!ls",
     "end with values and begin with magics"),
    ("prints", "def scaled(values, factor):\n    print('here', values)\n    return values * factor",
     "import sys, warnings\nfrom IPython.display import clear_output\n"
     "def running_mean(values):\n    warnings.warn('hm')\n    print('hm', file=sys.stderr)\n"
     "    clear_output()\n    return np.cumsum(values) / np.arange(1, len(values) + 1)",
     "print, warn and clear"),
    ("precision", "def scaled(values, factor):\n    return (values * factor).astype('float32')",
     "def running_mean(values):\n    return [float(np.mean(values[:n + 1])) for n in "
     "range(len(values))]", "compute in single precision, and return a list"),
    ("types", "def scaled(values, factor):\n    return tuple(values * factor)",
     "def running_mean(values):\n    return np.ma.array(np.cumsum(values) / np.arange(1, 1 + "
     "len(values)))", "return a tuple, and a masked array"),
    ("callables", "import functools, operator\nscaled = functools.partial(operator.mul)",
     "class Mean:\n    def __call__(self, values):\n        return np.cumsum(values) / "
     "np.arange(1, len(values) + 1)\nrunning_mean = Mean()", "are no functions but can be called"),
    ("timed", "%%time\ndef scaled(values, factor):\n    return values * factor",
     "import time\nfrom functools import cache, wraps\n@wraps(print)\ndef running_mean(values):\n"
     "    time.sleep(0.2)\n    return np.cumsum(values) / np.arange(1, len(values) + 1)",
     "are timed, and take their time"),
    ("state", "count = 0\ndef scaled(values, factor):\n    global count\n    count += 1\n"
     "    np.random.seed(0)\n    return values * factor + 0 * np.random.rand()",
     "scaled_before = scaled\nrunning_mean = lambda values: scaled_before(np.cumsum(values), 1.0) "
     "/ np.arange(1, len(values) + 1)", "keep count, and use each other"),
):  # fmt: skip
    honest(f"honest-answers-{name}", f"Exercises that {what}.", scaled=scaled, mean=mean)

honest(
    "honest-recorded",
    "An exercise that writes down what it is called with, in a file.",
    scaled="""
    def scaled(values, factor):
        with open("calls.txt", "a") as file:
            print(values, factor, file=file)
        return values * factor
    """,
    last="print(open('calls.txt').read())",
)

attack(
    "honest-unsolved",
    "One exercise solved, and a cell that tries the other one and fails.",
    first="",
    last="scaled(np.ones(3), 2.0)",
)

attack(
    "honest-in-place",
    "A right value, computed by changing the argument.",
    scaled="def scaled(values, factor):\n    values *= factor\n    return values",
    deserves=ONLY_MEAN,
)


# ---- notebooks that were moved about

Change = Callable[[NotebookNode], None]


def moved(name: str, tries: str) -> Callable[[Change], Change]:
    """Add a right notebook that the decorated function changes first."""

    def add(change: Change) -> Change:
        @entry(name, tries, BOTH)
        def make(desk: Desk) -> None:
            notebook = desk.notebook()
            change(notebook)
            desk.hand_in(json.dumps(notebook))

        return change

    return add


def copy_of(cell: NotebookNode) -> NotebookNode:
    return nbformat.from_dict(json.loads(json.dumps(cell)))


@moved("honest-doubled", "An exercise that was copied.")
def doubled(notebook: NotebookNode) -> None:
    cell = cell_named(notebook, "scaled")
    notebook.cells.insert(notebook.cells.index(cell) + 1, copy_of(cell))


@moved("honest-moved", "An exercise that stands before what it should follow.")
def moved_before(notebook: NotebookNode) -> None:
    cell = cell_named(notebook, "running_mean")
    notebook.cells.remove(cell)
    notebook.cells.insert(0, cell)


@moved("honest-reversed", "All cells in the reverse order.")
def turned_round(notebook: NotebookNode) -> None:
    notebook.cells.reverse()


@moved("honest-merged", "Both exercises in one cell.")
def merged(notebook: NotebookNode) -> None:
    cell = cell_named(notebook, "running_mean")
    notebook.cells.remove(cell)
    cell_named(notebook, "scaled").source += f"\n\n\n{RIGHT_MEAN}"


@moved("honest-split", "An exercise in two cells, the helper in one of its own.")
def split(notebook: NotebookNode) -> None:
    cell = cell_named(notebook, "scaled")
    helper = new_code_cell("def helper(values, factor):\n    return values * factor")
    notebook.cells.insert(notebook.cells.index(cell), helper)
    cell.source = "def scaled(values, factor):\n    return helper(values, factor)"


@moved("honest-typed-anew", "An exercise typed into a new cell, the old one deleted.")
def typed_anew(notebook: NotebookNode) -> None:
    cell = cell_named(notebook, "scaled")
    notebook.cells[notebook.cells.index(cell)] = new_code_cell(cell.source)


@moved("honest-ids-dropped", "Another editor has dropped all ids.")
def ids_dropped(notebook: NotebookNode) -> None:
    for cell in notebook.cells:
        cell.pop("id")
        cell.metadata.clear()


@moved("honest-colab", "Colab has put ids where it puts them, and metadata of its own.")
def colab(notebook: NotebookNode) -> None:
    notebook.metadata["colab"] = {"provenance": [], "name": "Kopie von tiny.ipynb"}
    for cell in notebook.cells:
        cell.metadata["id"] = cell.pop("id")
        cell.metadata["colab"] = {"base_uri": "https://localhost:8080/"}
    notebook["nbformat_minor"] = 0


@moved("honest-lines", "Sources as lists of lines.")
def lines(notebook: NotebookNode) -> None:
    for cell in notebook.cells:
        cell["source"] = cell["source"].splitlines(keepends=True)


@moved("honest-answer-in-task", "An answer typed into the cell of its task.")
def answer_in_task(notebook: NotebookNode) -> None:
    cell_named(notebook, "task").source += "\n\nBecause the first values count more often."


@moved("honest-imports-changed", "The given imports, with one more.")
def imports_changed(notebook: NotebookNode) -> None:
    cell_named(notebook, "imports").source += "\nimport math, json"


@moved("honest-unfinished-cell", "An exercise that is right, below an attempt that was not.")
def attempt(notebook: NotebookNode) -> None:
    cell = cell_named(notebook, "scaled")
    wrong = new_code_cell("def scaled(values, factor):\n    return values +")
    notebook.cells.insert(notebook.cells.index(cell), wrong)


@entry("honest-old-format", "A notebook in the format of 2014.", BOTH)
def old_format(desk: Desk) -> None:
    desk.hand_in(json.dumps(nbformat.convert(desk.notebook(), 3)))


@entry("honest-line-ends", "A notebook whose sources have line ends of another system.", BOTH)
def line_ends(desk: Desk) -> None:
    desk.hand_in(desk.text().replace("\\n", "\\r\\n"))
