"""`make site`: what is on the site, what never is, and where its links lead."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
from bs4 import BeautifulSoup

from nbjudge.authoring import build
from nbjudge.core.course import Course, find_course
from nbjudge.core.files import write_text
from nbjudge.core.notebooks import notebook_text, read_notebook, region
from tests.docs import clone

UNRELEASED = "ps3_architectures"
HIDDEN = ("SOLUTION", "HIDDEN TESTS", "KEY", "MARK SCHEME")


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """A clone with releases made by nbgrader alone, without answer keys; one is missing."""
    folder = tmp_path_factory.mktemp("a clone") / "course"
    clone.check_out(folder)
    found = find_course(folder)
    for name in found.assignments:
        if name != UNRELEASED:
            _, _, release = build.check_source(found, name)
            write_text(found.release(name), notebook_text(release))
    return found


@pytest.fixture(scope="module")
def said(course: Course) -> str:
    """What `make site` printed."""
    (course.root / "site").mkdir()
    (course.root / "site" / "of_yesterday.html").write_text("old")
    return clone.shell("make site", course.root)


@pytest.fixture(scope="module")
def site(course: Course, said: str) -> Path:
    return course.root / "site"


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, BeautifulSoup]:
    """Every page of the site, parsed."""
    return {p: BeautifulSoup(p.read_text(), "html.parser") for p in site.glob("**/*.html")}


def test_readme_docs_and_released_notebooks_are_pages(site: Path, course: Course) -> None:
    docs = {f"docs/{path.stem}.html" for path in course.root.glob("docs/*.md")}
    sets = {f"problem_sets/{name}.html" for name in course.assignments if name != UNRELEASED}
    wanted = {"index.html", "CHANGELOG.html", "CONTRIBUTING.html", *docs, *sets}
    assert wanted <= {str(path.relative_to(site)) for path in site.glob("**/*.html")}


def test_a_problem_set_without_a_release_is_named_and_not_on_the_site(
    site: Path, said: str
) -> None:
    assert f"Not in release/, so not on the site: {UNRELEASED}." in said
    assert not list(site.glob(f"**/{UNRELEASED}*"))


def test_nothing_of_an_earlier_site_stays(site: Path) -> None:
    assert not (site / "of_yesterday.html").exists()


def hidden_lines(course: Course) -> set[str]:
    """Lines of the instructors' notebooks that stand only within regions that are not released.

    Imports tell nothing, and the authors' page shows some.
    """
    hidden: set[str] = set()
    visible = ""
    for name in course.assignments:
        for cell in read_notebook(course.source(name)).cells:
            rest = cell.source
            for kind in HIDDEN:
                inside = region(cell.source, kind) or ""
                rest = rest.replace(inside, "")
                hidden |= {" ".join(line.split()) for line in inside.splitlines()}
            visible += " ".join(rest.split()) + "\n"
    told = {line for line in hidden if len(line) > 24 and not line.startswith(("import", "from"))}
    return {line for line in told if line not in visible}


def texts(site: Path, pages: dict[Path, BeautifulSoup]) -> Iterator[tuple[Path, str]]:
    """What one can read on the site: pages as they are seen, and all files of text as they are."""
    for path, page in pages.items():
        yield path, " ".join(page.get_text().split())
    for path in site.glob("**/*"):
        if path.suffix in {".ipynb", ".js", ".json", ".txt", ".md"}:
            plain = path.read_text().replace('\\"', '"').replace("\\n", " ")
            yield path, " ".join(plain.split())


def test_no_solution_hidden_test_key_or_mark_scheme_is_on_the_site(
    course: Course, site: Path, pages: dict[Path, BeautifulSoup]
) -> None:
    secrets = hidden_lines(course)
    assert len(secrets) > 1000
    for path, text in texts(site, pages):
        leaked = [line for line in secrets if line in text]
        assert not leaked, f"{path}: {leaked[:3]}"
        if path.parent.name == "problem_sets" or path.suffix == ".ipynb":
            for word in ("BEGIN SOLUTION", "BEGIN HIDDEN", "BEGIN KEY", "BEGIN MARK", "observe("):
                assert word not in text, f"{path}: {word}"


def test_only_released_files_can_be_downloaded(site: Path, course: Course) -> None:
    released = {p.relative_to(course.root) for p in course.root.glob("release/*/*")}
    on_site = {p.relative_to(site) for p in site.glob("release/*/*")}
    assert on_site == released
    assert {path.suffix for path in site.glob("_downloads/**/*.*")} == set()
    assert {path.parts[len(site.parts)] for path in site.glob("**/*.ipynb")} == {"release"}


def test_links_lead_to_a_file_and_a_place_in_it(pages: dict[Path, BeautifulSoup]) -> None:
    for path, page in pages.items():
        for link in page.find_all("a", href=True):
            address = unquote(str(link["href"]))
            if re.match(r"[a-z]+:", address):
                continue
            name, _, anchor = address.partition("#")
            target = (path.parent / name).resolve() if name else path
            assert target.is_file(), f"{path.name}: {address}"
            if anchor and target in pages:
                assert pages[target].find(id=anchor), f"{path.name}: {address}"


def test_pages_load_nothing_from_elsewhere(pages: dict[Path, BeautifulSoup]) -> None:
    for path, page in pages.items():
        for element in page.find_all(["script", "link", "img", "iframe"]):
            address = str(element.get("src") or element.get("href") or "")
            assert not re.match(r"(https?:)?//", address), f"{path.name}: {address}"


def test_pictures_say_what_they_show(pages: dict[Path, BeautifulSoup]) -> None:
    pictures = [picture for page in pages.values() for picture in page.find_all("img")]
    assert len(pictures) >= 4
    assert all(len(str(picture.get("alt", ""))) > 20 for picture in pictures)


def test_formulas_are_mathml(site: Path, pages: dict[Path, BeautifulSoup]) -> None:
    page = pages[site / "problem_sets" / "ps2_numpy_transformer.html"]
    assert len(page.find_all("math")) > 10
    article = page.find("article")
    assert article and "\\sqrt" not in article.get_text() and "$" not in article.get_text()
