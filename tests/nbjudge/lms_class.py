"""An invented class of 30, as Canvas, Moodle and Gradescope would export it."""

import csv
import io
import re
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


TOTALS = ["Current Score", "Unposted Current Score", "Final Score", "Unposted Final Score"]


def canvas_gradebook(path: Path, title: str, points: str, names_apart: bool = False) -> Path:
    """Canvas's export of its gradebook, which is its roster too (gradebook_exporter.rb).

    A row for posting by hand, a row of points, the test student, and totals that are read only; a
    teacher may ask for first and last names in columns of their own.
    """
    who = ["LastName", "FirstName"] if names_apart else ["Student"]
    more = [""] * (len(who) - 1)
    totals = [f"Assignments {total}" for total in TOTALS] + TOTALS
    rows = [[*who, "ID", "SIS User ID", "SIS Login ID", "Section", f"{title} (991)", *totals]]
    rows.append(["", *more, "", "", "", "", "Manual Posting", *[""] * 8])
    rows.append(["    Points Possible", *more, "", "", "", "", points, *["(read only)"] * 8])
    for p in CLASS:
        name = p.sortable.split(", ") if names_apart else [p.sortable]
        rows.append([*name, p.lms_id, "", p.login, "LM 101", "", *["0.0"] * 8])
    test = ["Student", "Test"] if names_apart else ["Student, Test"]
    rows.append([*test, "9999", "", "b1946ac9", "LM 101", "", *[""] * 8])
    return write_rows(path, rows, bom="\ufeff")


def moodle_participants(path: Path) -> Path:
    """Moodle's table of participants, downloaded; a name is one column there or two."""
    rows = [["First name", "Last name", "ID number", "Email address", "Roles", "Groups"]]
    rows.append(["Ina", "Teacher", "", "ina@example.org", "Teacher", ""])
    rows += [[*p.name.split(" ", 1), "", p.email, "Student", "Lab-1"] for p in CLASS]
    return write_rows(path, rows)


WORKSHEET = (
    "Identifier,Full name,Email address,Status,Grade,Maximum grade,Grade can be changed,"
    "Last modified (submission),Last modified (grade),Feedback comments"
)
ARBEITSBLATT = (
    "ID,Vollständiger Name,E-Mail-Adresse,Status,Bewertung,Bestwertung,"
    "Bewertung kann geändert werden,Zuletzt geändert (Abgabe),Zuletzt geändert (Bewertung),"
    "Feedback als Kommentar"
)


def moodle_worksheet(
    path: Path, points: str, times: dict[str, str], is_german: bool = False
) -> Path:
    """Moodle's grading worksheet, with participants' numbers that only this assignment has."""
    rows = [(ARBEITSBLATT if is_german else WORKSHEET).split(",")]
    who, can_be_changed = ("Teilnehmer/in", "Ja") if is_german else ("Participant ", "Yes")
    for p in CLASS:
        time = times.get(p.login, "-")
        status = "No submission - " if time == "-" else "Submitted for grading - "
        rows.append(
            [f"{who}{participant(p)}", p.name, p.email, status, "", points, can_be_changed, time,
             "-", ""]
        )  # fmt: skip
    return write_rows(path, rows)


def participant(pupil: Pupil) -> str:
    return str(880_000 + pupil.number)


def gradescope_roster(path: Path) -> Path:
    header = ["First Name", "Last Name", "SID", "Email", "Role"]
    rows = [header, ["Ina", "Instructor", "", "ina@example.org", "Instructor"]]
    rows.append(["Tom", "Assistant", "", "tom@example.org", "TA"])
    rows += [[*p.name.split(" ", 1), p.lms_id, p.email, "Student"] for p in CLASS]
    return write_rows(path, rows)


def canvas_name(pupil: Pupil, file: str, is_late: bool = False) -> str:
    first, last = pupil.name.split(" ", 1)
    plain = "".join(letter for letter in f"{last}{first}".lower() if letter.isalnum())
    late = "LATE_" if is_late else ""
    return f"{plain}_{late}{pupil.lms_id}_{70_000 + pupil.number}_{file}"


def moodle_name(pupil: Pupil, file: str, group: str = "") -> str:
    """Moodle drops from names what a file's name may not hold: O'Neil is ONeil there."""
    name = re.sub(r"[&<>\"`|':\\/]", "", f"{group}{pupil.name}".replace("_", " "))
    return f"{name}_{participant(pupil)}_assignsubmission_file/{file}"


def write_zip(path: Path, files: dict[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def gradescope_export(
    path: Path, files: dict[str, str], times: dict[str, str] | None = None, name: str = "tiny.ipynb"
) -> Path:
    """What Gradescope exports: a folder for each submission, `files` by login, and what a Mac adds.

    times: by login, as Gradescope writes them
    """
    listing, made = [], {}
    for number, pupil in enumerate(p for p in CLASS if p.login in files):
        folder = f"submission_{5000 + number}"
        time = (times or {}).get(pupil.login, "2026-10-14 18:42:03.123456000 Z")
        made[f"assignment_1_export/{folder}/{name}"] = files[pupil.login]
        made[f"__MACOSX/assignment_1_export/{folder}/._{name}"] = "\0"
        listing.append(
            f"{folder}:\n  :submitters:\n  - :name: {pupil.name}\n    :sid: '{pupil.lms_id}'\n"
            f"    :email: {pupil.email}\n  :created_at: {time}\n"
            "  :score: 0.0\n  :status: processed\n  :results: {}\n  :history:\n"
            "  - :id: 1\n    :created_at: 2026-10-10 08:00:00.000000000 Z\n"
        )
    made["assignment_1_export/.DS_Store"] = "\0"
    made["assignment_1_export/submission_metadata.yml"] = "---\n" + "".join(listing)
    return write_zip(path, made)


def brightspace_grades(path: Path, title: str, points: str) -> Path:
    """Brightspace's export of its grades: every id and login begins with a #."""
    item = f"{title} Points Grade <Numeric MaxPoints:{points} Weight:10 Category:Problem sets>"
    header = ["OrgDefinedId", "Username", "Last Name", "First Name", "Email", item,
              "End-of-Line Indicator"]  # fmt: skip
    rows = [
        [f"#{p.lms_id}", f"#{p.login}", *p.sortable.split(", "), p.email, "", "#"] for p in CLASS
    ]
    return write_rows(path, [header, *rows], bom="\ufeff")


def brightspace_folder(pupil: Pupil, time: str = "Oct 14, 2026 921 PM") -> str:
    """The folder of one attempt in Brightspace's download."""
    name = re.sub(r'[<>:"/\\|?*]', "", pupil.name)
    return f"{397_000 + pupil.number}-2557369 - {name} - {time}"


def blackboard_grades(path: Path, title: str, points: str) -> Path:
    """Blackboard's grade center, downloaded to work offline: tabs, in UTF-16."""
    header = ["Last Name", "First Name", "Username", "Student ID", "Last Access", "Availability",
              f"{title} [Total Pts: {points} Score] |1281892"]  # fmt: skip
    rows = [[*p.sortable.split(", "), p.login, p.lms_id, "", "Yes", ""] for p in CLASS]
    text = io.StringIO(newline="")
    csv.writer(text, delimiter="\t", quoting=csv.QUOTE_ALL).writerows([header, *rows])
    path.write_bytes(text.getvalue().encode("utf-16"))
    return path


def blackboard_name(pupil: Pupil, file: str, time: str = "2026-10-14-21-21-05") -> str:
    """The name of a file in Blackboard's download; without `file`, of the attempt's summary."""
    return f"Tiny_{pupil.login}_attempt_{time}" + (f"_{file}" if file else ".txt")


def sakai_grades(path: Path, title: str, kind: str = "Points") -> Path:
    """The grades.csv of an assignment's download from Sakai, its header in the third line."""
    header = ["Display ID", "ID", "Last Name", "First Name", "grade", "Submission date",
              "Late submission"]  # fmt: skip
    rows = [[p.login, f"{p.number}-b0f3", *p.sortable.split(", "), "", "", ""] for p in CLASS]
    write_rows(path, [header, *rows])
    text = path.read_text(encoding="utf-8")
    path.write_bytes(f'"{title}","{kind}"\r\n""\r\n{text}'.encode())
    return path


def sakai_folder(pupil: Pupil) -> str:
    """The folder of one student in Sakai's download."""
    return f"Tiny/{pupil.sortable.replace('/', '')}({pupil.login})"
