"""`make site`: builds the site in site/, and says which problem sets are not released."""

import shutil
import sys
import tempfile
from pathlib import Path

from sphinx.cmd.build import build_main

from nbjudge.core.course import Course, find_course
from nbjudge.core.errors import CourseError
from website import pages

HERE = Path(__file__).parent
STRICT = ("--fail-on-warning", "--keep-going", "--nitpicky", "--quiet")


def build(course: Course, site: Path) -> int:
    """Build the site of `course`; Sphinx's exit code, 1 for any warning."""
    with tempfile.TemporaryDirectory() as temporary:
        gathered, extra, made = (Path(temporary) / name for name in ("pages", "extra", "site"))
        missing = pages.gather(course, gathered, extra)
        words = [*STRICT, "-b", "html", "-c", str(HERE), str(gathered), str(made)]
        for setting, value in {
            "project": course.title,
            "html_title": course.title,
            "html_extra_path": str(extra),
        }.items():
            words += ["-D", f"{setting}={value}"]
        code = build_main(words)
        if code:
            return code
        shutil.rmtree(made / ".doctrees", ignore_errors=True)
        shutil.rmtree(site, ignore_errors=True)  # remove the pages of an earlier site
        shutil.copytree(made, site)
    print(f"Open in a browser: {site / 'index.html'}")
    if missing:
        print(f"Not in release/, so not on the site: {', '.join(missing)}.", file=sys.stderr)
    return 0


def main() -> int:
    """Build the site of this folder's course; the exit code."""
    try:
        course = find_course()
        return build(course, course.root / "site")
    except CourseError as error:
        print(f"make site: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    raise SystemExit(main())
