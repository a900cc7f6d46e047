"""What a student can do about each reason why a whole submission could not be graded."""

import re

from nbjudge.judge.verdicts import Record

SAVE_AGAIN = (
    "Open your notebook in Jupyter, choose Restart Kernel and Run All Cells, and save it with "
    "File → Save Notebook."
)

ADVICE: tuple[tuple[str, str], ...] = (
    (
        r"there are \d+ notebooks.+not all can be read",
        "Submit one notebook only: the one with your work, after you have opened it once.",
    ),
    (
        r"notebooks with different work",
        "Nobody can tell which of your notebooks is meant. Submit one only: the one that counts.",
    ),
    (
        r"(is|the) (a zip |a compressed )?archive",
        "Unpack the archive, and submit the notebook in it: a file whose name ends in .ipynb.",
    ),
    (
        r"is a PDF",
        "A PDF cannot be run. Submit the notebook that it was made of.",
    ),
    (
        r"is a web page",
        "Your browser saved the page around the notebook. Download the notebook itself; in Colab "
        "choose File → Download → Download .ipynb, on GitHub the raw file.",
    ),
    (
        r"the notebook is empty",
        "Nothing was saved in the file. " + SAVE_AGAIN + " Look at its size before you submit it.",
    ),
    (
        r"Git LFS's pointer",
        "Fetch the notebook itself with git lfs pull, and submit that.",
    ),
    (
        r"conflict markers",
        "Two versions of your notebook were merged, and git marked where they differ. Keep one of "
        "them, and open the notebook in Jupyter before you submit it.",
    ),
    (
        r"folder cannot be read",
        "Your instructor has to look at the folder of your submission first; then submit again.",
    ),
    (
        r"folder is a link",
        "Your submission arrived as a link to another place. Submit the notebook's file itself.",
    ),
    (
        r"there is no notebook in the submission",
        "Look into what you submitted: a notebook is a file whose name ends in .ipynb. A PDF, an "
        "HTML page or a link to Colab is not one; in Colab choose File → Download → "
        "Download .ipynb.",
    ),
    (
        r"there is no .+ in the submission",
        "Put the missing file next to your notebook, and submit both.",
    ),
    (
        r"cannot be opened",
        "The file may be damaged, or its archive may be. Submit the file as it is, in no archive.",
    ),
    (
        r"is not a regular file",
        "A folder, a shortcut or a link has the file's name. Submit the file itself.",
    ),
    (
        r"\.ipynb is larger than .+ MB",
        "Choose Edit → Clear Outputs of All Cells, save the notebook, and submit it without "
        "running it again.",
    ),
    (
        r"is larger than .+ MB",
        "This file is no notebook, so there are no outputs to clear: write a smaller one, with "
        "what the problem set asks for and nothing else.",
    ),
    (
        r"is not text",
        "The file has a notebook's name, but is of another kind, such as a zip or a document. "
        "Find your notebook itself, and submit that.",
    ),
    (
        r"there are \d+ notebooks",
        "Submit one notebook only: the one with your work.",
    ),
    (
        r"not valid JSON",
        "The file was cut off while it was saved or sent, or another program changed it. "
        + SAVE_AGAIN,
    ),
    (
        r"is JSON, but not a notebook",
        "The file has a notebook's name, but holds something else. Find the notebook with your "
        "work; Jupyter opens it as cells.",
    ),
    (
        r"the notebook is of .+, not of",
        "You submitted the notebook of another problem set. Submit the one that belongs here, and "
        "check whether the other place now lacks its notebook.",
    ),
    (
        r"more than .+ cells",
        "Delete cells that you do not need, such as copies and outputs that were pasted as cells.",
    ),
    (
        r"more than .+ characters of code",
        "Data was pasted into a code cell, or its text was repeated many times. Delete what the "
        "exercises do not need.",
    ),
    (
        r"format is too old",
        "Your notebook was saved by a very old program. " + SAVE_AGAIN,
    ),
    (
        r"no cell of this assignment",
        "Your notebook holds none of the cells that you were given. Copy your answers into the "
        "notebook as it was handed out, each into its cell.",
    ),
    (
        r"ended the process that graded it",
        "Something in your notebook ended the grader's process. " + SAVE_AGAIN + " If a cell ends "
        "your kernel too, that is the one to mend.",
    ),
)
"""Patterns of reasons, the first that is found counts, and a student's next step for each."""

NOT_THE_STUDENTS = (
    "There is nothing for you to do: the reason is not in your file. Your instructor sees it too, "
    "and will grade your submission again."
)


def advice(record: Record) -> str:
    """What the student of a failed submission should do first."""
    found = next((told for reason, told in ADVICE if re.search(reason, record.reason)), None)
    if found is not None:
        return found
    return SAVE_AGAIN if record.is_final else NOT_THE_STUDENTS


def is_the_students(record: Record) -> bool:
    """Whether submitting another file would help."""
    return advice(record) != NOT_THE_STUDENTS
