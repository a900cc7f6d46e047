"""An invented class of 30, as Canvas, Moodle and Gradescope would export it."""

import csv
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

FIRST_ID = 4100

NAMES = [
    "Ada Lovelace", "Jürgen Müller", "Łukasz Żak", "Zoë O'Neil", "José García-Núñez",
    "Anna Schmidt", "Anna Schmidt", "Søren Kierkegaard", "Grace Hopper", "Alan Turing",
    "Barbara Liskov", "Claude Shannon", "Donald Knuth", "Edsger Dijkstra", "Frances Allen",
    "Hedy Lamarr", "Ivan Sutherland", "John Backus", "Katherine Johnson", "Leslie Lamport",
    "Margaret Hamilton", "Niklaus Wirth", "Olga Ladyzhenskaya", "Paul Erdős", "Radia Perlman",
    "Shafi Goldwasser", "Tim Berners-Lee", "Ursula Franklin", "Vint Cerf", "Wei Zhang",
]  # fmt: skip

LOGINS = [
    "ada", "mueller", "zak", "zoe", "jose", "schmidt1", "schmidt2", "soren", "grace", "alan",
    "barbara", "claude", "donald", "edsger", "frances", "hedy", "ivan", "john", "katherine",
    "leslie", "margaret", "niklaus", "olga", "paul", "radia", "shafi", "tim", "ursula", "vint",
    "wei",
]  # fmt: skip


@dataclass(frozen=True)
class Pupil:
    """One of the class."""

    number: int
    name: str
    login: str

    @property
    def lms_id(self) -> str:
        return str(FIRST_ID + self.number)

    @property
    def email(self) -> str:
        return f"{self.login}@example.org"

    @property
    def sortable(self) -> str:
        first, last = self.name.split(" ", 1)
        return f"{last}, {first}"


CLASS = [
    Pupil(number, name, login)
    for number, (name, login) in enumerate(zip(NAMES, LOGINS, strict=True))
]


def write_rows(path: Path, rows: list[list[str]], delimiter: str = ",", bom: str = "") -> Path:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows(rows)
    path.write_bytes((bom + text.getvalue()).encode())
    return path


def read_rows(path: Path, delimiter: str = ",") -> list[list[str]]:
    text = path.read_bytes().decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))


def canvas_gradebook(path: Path, title: str, points: str) -> Path:
    """Canvas's export of its gradebook, which is its roster too."""
    header = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", f"{title} (991)", "Final"]
    rows = [header, ["    Points Possible", "", "", "", "", points, "(read only)"]]
    rows += [[p.sortable, p.lms_id, "", p.login, "LM 101", "", ""] for p in CLASS]
    rows.append(["Student, Test", "9999", "", "b1946ac9", "LM 101", "", ""])
    return write_rows(path, rows, bom="\ufeff")


def moodle_worksheet(path: Path, points: str, times: dict[str, str]) -> Path:
    """Moodle's grading worksheet, with participants' numbers that only this assignment has."""
    header = (
        "Identifier,Full name,Email address,Status,Grade,Maximum grade,Grade can be changed,"
        "Last modified (submission),Last modified (grade),Feedback comments"
    ).split(",")
    rows = [header]
    for p in CLASS:
        time = times.get(p.login, "-")
        status = "No submission - " if time == "-" else "Submitted for grading - "
        rows.append(
            [f"Participant {participant(p)}", p.name, p.email, status, "", points, "Yes", time,
             "-", ""]
        )  # fmt: skip
    return write_rows(path, rows)


def participant(pupil: Pupil) -> str:
    return str(880_000 + pupil.number)


def gradescope_roster(path: Path) -> Path:
    header = ["First Name", "Last Name", "SID", "Email", "Role"]
    rows = [header, ["Ina", "Instructor", "", "ina@example.org", "Instructor"]]
    rows += [[*p.name.split(" ", 1), p.lms_id, p.email, "Student"] for p in CLASS]
    return write_rows(path, rows)


def canvas_name(pupil: Pupil, file: str, is_late: bool = False) -> str:
    first, last = pupil.name.split(" ", 1)
    plain = "".join(letter for letter in f"{last}{first}".lower() if letter.isalnum())
    late = "LATE_" if is_late else ""
    return f"{plain}_{late}{pupil.lms_id}_{70_000 + pupil.number}_{file}"


def moodle_name(pupil: Pupil, file: str) -> str:
    return f"{pupil.name}_{participant(pupil)}_assignsubmission_file/{file}"


def write_zip(path: Path, files: dict[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def gradescope_export(path: Path, files: dict[str, str]) -> Path:
    """What Gradescope exports: a folder for each submission, `files` by login."""
    listing, made = [], {}
    for number, pupil in enumerate(p for p in CLASS if p.login in files):
        folder = f"submission_{5000 + number}"
        made[f"assignment_1_export/{folder}/tiny.ipynb"] = files[pupil.login]
        listing.append(
            f"{folder}:\n  :submitters:\n  - :name: {pupil.name}\n    :sid: '{pupil.lms_id}'\n"
            f"    :email: {pupil.email}\n  :created_at: 2026-10-14 18:42:03.123456000 Z\n"
            "  :score: 0.0\n  :status: processed\n"
        )
    made["assignment_1_export/submission_metadata.yml"] = "---\n" + "".join(listing)
    return write_zip(path, made)
