"""Gathers what the site is made of in one folder: what is not brought here is not on the site."""

import re
import shutil
from pathlib import Path

from nbjudge.core.course import Course
from website import notebook

NOTEBOOKS = "problem_sets"
PICTURES = ("*.png", "*.svg")
SECTIONS = {
    "For students": ["docs/student"],
    "Problem sets": [],  # those that are released
    "For instructors": ["docs/instructor", "docs/first_day"],  # and all pages named nowhere here
    "For authors": ["docs/authoring", "docs/grading", "docs/held_out"],
    "About": ["CHANGELOG", "CONTRIBUTING"],
    "Model cards": [],  # those in pretraining/cards
}
NOTEBOOK_LINK = re.compile(r"\[([^\]\n]+)\]\((?:\.\./)*source/(\w+)/\2\.ipynb\)")


def gather(course: Course, folder: Path, extra: Path) -> list[str]:
    """Bring pages and pictures to `folder`, and releases as they are to `extra`.

    Returns the problem sets that are not released.
    """
    released = [name for name in course.assignments if course.release(name).is_file()]
    for path in _pages(course.root):
        text = _with_links(path.read_text(encoding="utf-8"), path.parent, course.root, released)
        place = folder / path.relative_to(course.root)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    for pattern in PICTURES:
        for picture in (course.root / "docs").glob(pattern):
            shutil.copy(picture, folder / "docs")
    shutil.copy(course.root / "LICENSE", folder)
    _bring_releases(course, folder, extra / "release", released)
    start = folder / "index.md"
    (folder / "README.md").rename(start)
    start.write_text(start.read_text(encoding="utf-8") + _menu(folder, released), encoding="utf-8")
    return [name for name in course.assignments if name not in released]


def _pages(root: Path) -> list[Path]:
    names = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")
    folders = (root / "docs", root / "pretraining" / "cards")
    return [root / name for name in names] + [p for f in folders for p in sorted(f.glob("*.md"))]


def _with_links(text: str, place: Path, root: Path, released: list[str]) -> str:
    """`text` with links to released pages in place of links to the instructors' notebooks."""
    up = "../" * len(place.relative_to(root).parts)

    def link(found: re.Match[str]) -> str:
        words, name = found.groups()
        return f"[{words}]({up}{NOTEBOOKS}/{name}.md)" if name in released else words

    return NOTEBOOK_LINK.sub(link, text)


def _bring_releases(course: Course, folder: Path, extra: Path, released: list[str]) -> None:
    """A page for each released notebook, and the files of release/ as they are."""
    (folder / NOTEBOOKS).mkdir()
    extra.mkdir(parents=True)
    for file in [*course.root.glob("release/lmlib-*.whl"), course.root / "release" / "index.html"]:
        if file.is_file():
            shutil.copy(file, extra)
    for name in released:
        files = [p for p in sorted(course.release(name).parent.glob("[!.]*")) if p.is_file()]
        (extra / name).mkdir()
        for file in files:
            shutil.copy(file, extra / name)
        page = notebook.page(course, name, files)
        (folder / NOTEBOOKS / f"{name}.md").write_text(page, encoding="utf-8")


def _menu(folder: Path, released: list[str]) -> str:
    """The tables of contents that the theme shows at the side."""
    sections = {title: list(pages) for title, pages in SECTIONS.items()}
    sections["Problem sets"] = [f"{NOTEBOOKS}/{name}" for name in released]
    found = [str(p.relative_to(folder).with_suffix("")) for p in sorted(folder.glob("**/*.md"))]
    sections["Model cards"] = [page for page in found if page.startswith("pretraining/")]
    named = {page for pages in sections.values() for page in pages} | {"index"}
    sections["For instructors"] += [page for page in found if page not in named]
    return "".join(
        f"\n```{{toctree}}\n:hidden:\n:caption: {title}\n\n" + "\n".join(pages) + "\n```\n"
        for title, pages in sections.items()
        if pages
    )
