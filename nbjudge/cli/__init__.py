"""The command `nbjudge`: from building releases to returning grades.

Exit codes: 0, success; 1, something failed and was reported; 2, usage error.
Progress goes to stderr, tables and JSON to stdout.

A command's own module and its dependencies are imported only when the command runs.
"""

import importlib
import sys

from nbjudge.cli.words import parser
from nbjudge.core.archives import refuse_archive
from nbjudge.core.course import find_course
from nbjudge.core.errors import CourseError


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    options = parser().parse_args(arguments)
    module, _, function = options.run.partition(":")
    try:
        if not options.only_reads:
            refuse_archive(find_course(options.course))
        run = getattr(importlib.import_module(f"nbjudge.cli.{module}"), function)
        code: int = run(options)
        return code
    except CourseError as error:
        print(f"nbjudge: {error}", file=sys.stderr)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        print(f"nbjudge: {place}{error.strerror or error}.", file=sys.stderr)
    except KeyboardInterrupt:
        print("nbjudge: stopped; run the same command again to continue.", file=sys.stderr)
    return 1
