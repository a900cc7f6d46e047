"""Files and folders that are not what a submission should be."""

import io
import json
import os
import socket
import zipfile
from collections.abc import Callable
from pathlib import Path

from entries import BOTH, FAILED, Desk, Points, entry
from small_course import NAME

NOTEBOOK = f"{NAME}.ipynb"
NEIGHBOUR = "aaron"  # an honest student, whose submission others reach for


def of_bytes(
    name: str, tries: str, deserves: Points | None = FAILED
) -> Callable[[Callable[[str], bytes]], None]:
    """Add a notebook file with the bytes that the decorated function makes of a right one."""

    def add(encode: Callable[[str], bytes]) -> None:
        entry(name, tries, deserves)(lambda desk: desk.hand_in(encode(desk.text())))

    return add


# ---- what is in the file

of_bytes("files-truncated", "Was cut off.")(lambda text: text[: len(text) // 2].encode())
of_bytes("files-empty", "Is empty.")(lambda text: b"")
of_bytes("files-blank", "Is full of blanks.")(lambda text: b" \n" * 1000)
of_bytes("files-nul", "Is full of NUL bytes.")(lambda text: bytes(100_000))
of_bytes("files-binary", "Is a program.")(lambda text: b"\x7fELF" + bytes(range(256)) * 100)
of_bytes("files-utf-16", "Is right, in UTF-16.", BOTH)(lambda text: text.encode("utf-16"))
of_bytes("files-utf-16-big", "Is right, in the other UTF-16.", BOTH)(
    lambda text: b"\xfe\xff" + text.encode("utf-16-be")
)
of_bytes("files-utf-16-odd", "Is UTF-16 that ends within a character.")(
    lambda text: text.encode("utf-16")[:-1]
)
of_bytes("files-bom", "Is right, with a mark of its byte order.", BOTH)(
    lambda text: b"\xef\xbb\xbf" + text.encode()
)
of_bytes("files-latin-1", "Is right, in Latin 1.", BOTH)(
    lambda text: text.replace("# Hostile", "# H\xf6stil\xe9").encode("latin-1")
)
of_bytes("files-large", "Is of thirty megabytes.")(lambda text: text.encode() + b" " * 30_000_000)
of_bytes("files-deep", "Is JSON that is nested ten thousand levels deep.")(
    lambda text: b"[" * 10_000 + b"]" * 10_000
)
of_bytes("files-deep-metadata", "Is a notebook with metadata nested as deep.")(
    lambda text: text.replace("{", '{"deep": ' + "[" * 10_000 + "]" * 10_000 + ", ", 1).encode()
)
of_bytes("files-huge-number", "Holds a number of ten thousand digits.")(
    lambda text: text.replace("{", '{"number": ' + "9" * 10_000 + ", ", 1).encode()
)
of_bytes("files-nan", "Is right, with numbers that are none.", BOTH)(
    lambda text: text.replace("{", '{"numbers": [NaN, Infinity, -Infinity, 1e999], ', 1).encode()
)
of_bytes("files-keys-doubled", "Has its cells twice, first a wrong version.", BOTH)(
    lambda text: text.replace("{", '{"cells": [], "metadata": 5, ', 1).encode()
)
of_bytes("files-surrogates", "Is right, with halves of surrogate pairs.", BOTH)(
    lambda text: text.replace("# Hostile", "\\ud83d # \\udc00").encode()
)
of_bytes("files-html", "Is a page that says please log in.")(
    lambda text: b"<!DOCTYPE html><script>alert(1)</script>"
)
of_bytes("files-json-of-no-notebook", "Is JSON, but a list.")(lambda text: b"[1, 2, 3]")
of_bytes("files-cells-of-no-kind", "Has cells that are a number.")(lambda text: b'{"cells": 5}')


@of_bytes("files-zip", "Is a zip with a notebook in it.")
def zipped(text: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(NOTEBOOK, text)
        archive.writestr("../../aaron/tiny/tiny.ipynb", "{}")
    return packed.getvalue()


# ---- what the file is called, and what lies beside it


@entry("files-several", "Lies beside notebooks of other names.", BOTH)
def several(desk: Desk) -> None:
    desk.hand_in(desk.text())
    desk.write("Copy of tiny.ipynb", "{}")
    desk.write(".ipynb_checkpoints/tiny-checkpoint.ipynb", "{}")


@entry("files-several-of-wrong-names", "Is twice there, under other names.", BOTH)
def wrong_names(desk: Desk) -> None:
    desk.write("one.ipynb", desk.text())
    desk.write("two.ipynb", desk.text())


@entry("files-none", "Is no notebook but a script.", FAILED)
def no_notebook(desk: Desk) -> None:
    desk.write("tiny.py", "print(4.0)")


@entry("files-wrong-name", "Has another name.", BOTH)
def wrong_name(desk: Desk) -> None:
    desk.write("my homework (1).ipynb", desk.text())


@entry("files-name-with-newline", "Has a name of several lines.", BOTH)
def newline(desk: Desk) -> None:
    desk.write("my\nhome\twork.ipynb", desk.text())


@entry("files-name-with-control", "Has a name that would clear a terminal, and no content.", FAILED)
def control(desk: Desk) -> None:
    desk.folder.mkdir(parents=True)
    (desk.folder / "\x1b[2J\x1b]0;owned\x07\r<b>.ipynb").symlink_to("nowhere")


@entry("files-name-of-no-text", "Has a name that is not UTF-8, and is a link.", FAILED)
def no_text(desk: Desk) -> None:
    desk.folder.mkdir(parents=True)
    os.symlink("nowhere", os.fsencode(desk.folder) + b"/\xff\xfe.ipynb")


@entry("files-name-of-a-pattern", "Has a name that is a pattern.", BOTH)
def pattern(desk: Desk) -> None:
    desk.write("[a-z]*?.ipynb", desk.text())


STRANGE = os.fsdecode(b"files-folder-b\xfccher")


@entry("files-folder-of-no-text", "Lies in a folder whose name is not UTF-8.", FAILED, STRANGE)
def folder_of_no_text(desk: Desk) -> None:
    desk.hand_in(desk.text())


for number, student in enumerate(
    ("files-new\nline", "files-<script>alert(1)<", "files-\x1b[31mred", "files-'; DROP TABLE grade")
):
    entry(
        f"files-folder-{number}",
        "Lies in a folder whose name is markup, control or SQL.",
        BOTH,
        student,
    )(lambda desk: desk.hand_in(desk.text()))


# ---- what is no regular file


@entry("files-link", "Is a link to another student's notebook.", FAILED)
def link(desk: Desk) -> None:
    desk.folder.mkdir(parents=True)
    (desk.folder / NOTEBOOK).symlink_to(desk.course.submitted(NEIGHBOUR, NAME) / NOTEBOOK)


@entry("files-link-to-source", "Is a link to the instructor's own notebook.", FAILED)
def link_to_source(desk: Desk) -> None:
    desk.folder.mkdir(parents=True)
    (desk.folder / NOTEBOOK).symlink_to(desk.course.source(NAME))


@entry("files-link-folder", "Lies in a folder that is a link to another student's.", FAILED)
def link_folder(desk: Desk) -> None:
    desk.folder.parent.mkdir(parents=True)
    desk.folder.symlink_to(desk.course.submitted(NEIGHBOUR, NAME))


@entry("files-link-folder-to-source", "Lies in a folder that is a link to the source.", FAILED)
def link_folder_to_source(desk: Desk) -> None:
    desk.folder.parent.mkdir(parents=True)
    desk.folder.symlink_to(desk.course.source(NAME).parent)


@entry("files-link-student", "Is of a student whose folder is a link to another's.", FAILED)
def link_student(desk: Desk) -> None:
    desk.folder.parent.symlink_to(desk.course.submitted(NEIGHBOUR, NAME).parent)


@entry("files-link-to-itself", "Is a link to itself.", FAILED)
def link_to_itself(desk: Desk) -> None:
    desk.folder.mkdir(parents=True)
    (desk.folder / NOTEBOOK).symlink_to(NOTEBOOK)


@entry("files-hard-link", "Is another name of a file of the instructor.", FAILED)
def hard_link(desk: Desk) -> None:
    desk.folder.mkdir(parents=True)
    (desk.folder / NOTEBOOK).hardlink_to(desk.course.root / "course.toml")


@entry("files-pipe", "Is a pipe that nobody writes to.", FAILED)
def pipe(desk: Desk) -> None:
    desk.folder.mkdir(parents=True)
    os.mkfifo(desk.folder / NOTEBOOK)


@entry("files-device", "Is a device that never ends.", FAILED)
def device(desk: Desk) -> None:
    desk.folder.mkdir(parents=True)
    try:
        os.mknod(desk.folder / NOTEBOOK, 0o20666, os.makedev(1, 5))
    except OSError:  # not everybody may make one
        (desk.folder / NOTEBOOK).symlink_to("/dev/zero")


@entry("files-folder", "Is a folder.", FAILED)
def folder(desk: Desk) -> None:
    (desk.folder / NOTEBOOK / "x").mkdir(parents=True)


@entry("files-socket", "Is a socket.", FAILED)
def of_socket(desk: Desk) -> None:
    desk.folder.mkdir(parents=True)
    before = Path.cwd()
    os.chdir(desk.folder)  # a socket's address has to be short
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(NOTEBOOK)
    finally:
        os.chdir(before)


@entry("files-in-place-of-a-folder", "Is a file where its folder should be.", FAILED)
def in_place_of_a_folder(desk: Desk) -> None:
    desk.folder.parent.mkdir(parents=True)
    desk.folder.write_text(desk.text())


# ---- files that the assignment accepts


@entry("files-accepted", "Brings a file that the assignment accepts, and reads it.", BOTH)
def accepted(desk: Desk) -> None:
    reads = "file = open('data.csv').read()\nassert file == '1,2'\n"
    desk.hand_in(json.dumps(desk.notebook(f"{reads}scaled = lambda values, f: values * f")))
    desk.write("data.csv", "1,2")


def of_accepted(name: str, tries: str) -> Callable[[Callable[[Path], None]], None]:
    """Add a right notebook whose accepted file is made by the decorated function."""

    def add(make: Callable[[Path], None]) -> None:
        @entry(name, tries, FAILED)
        def submit(desk: Desk) -> None:
            desk.hand_in(desk.text())
            make(desk.folder / "data.csv")

    return add


of_accepted("files-accepted-link", "Brings a link to the system's list of users along.")(
    lambda path: path.symlink_to("/etc/passwd")
)
of_accepted("files-accepted-link-to-key", "Brings a link to the answer key along.")(
    lambda path: path.symlink_to(path.parents[3] / "key" / NAME / "key.json")
)
of_accepted("files-accepted-pipe", "Brings a pipe along.")(os.mkfifo)
of_accepted("files-accepted-folder", "Brings a folder along.")(Path.mkdir)


@of_accepted("files-accepted-large", "Brings thirty megabytes along.")
def large(path: Path) -> None:
    path.touch()
    os.truncate(path, 30_000_000)


# ---- the time of handing in


def of_time(name: str, tries: str) -> Callable[[Callable[[Path], None]], None]:
    """Add a right notebook beside a timestamp.txt that the decorated function makes."""

    def add(make: Callable[[Path], None]) -> None:
        @entry(name, tries, BOTH)
        def submit(desk: Desk) -> None:
            desk.hand_in(desk.text())
            make(desk.folder / "timestamp.txt")

    return add


of_time("files-time-pipe", "Has a pipe for its time.")(os.mkfifo)
of_time("files-time-folder", "Has a folder for its time.")(Path.mkdir)
of_time("files-time-link", "Has a link to a secret for its time.")(
    lambda path: path.symlink_to(path.parents[3] / "gradebook.db")
)


@of_time("files-time-of-no-kind", "Has a time that is none.")
def no_time(path: Path) -> None:
    path.write_bytes(b"\xff\xfe9999-99-99 \x1b[2J")
