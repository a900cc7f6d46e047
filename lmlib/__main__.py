"""The `lmlib` command, also `python -m lmlib`: what students do outside a notebook."""

import sys

import lmlib
from lmlib import pdf, submit
from lmlib.shared.command_line import Parser

TEACHERS = (
    "roster build audit handout collect grade watch feedback return grades report explain regrade "
    "adopt correct archive new-term gradescope demo"
).split()
"""Commands for instructors, which belong to another program."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    parser = command()
    if not words:
        parser.print_help()
        return 0
    if words[0] in TEACHERS:
        parser.error(f"{words[0]!r} is a command of nbjudge, the program for instructors.")
    options = parser.parse_args(words)
    code: int = options.run(options)
    return code


def command() -> Parser:
    """The parser of the command line."""
    parser = Parser(
        prog="lmlib",
        description="Pack your work to submit it, or make a PDF of it.",
        epilog="example:\n  lmlib submit --list",
    )
    parser.add_argument("--version", action="version", version=f"lmlib {lmlib.__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, module, run in (("submit", submit, submit.pack), ("pdf", pdf, pdf.make)):
        made = commands.add_parser(
            name,
            prog=f"lmlib {name}",
            help=module.WHAT,
            description=module.WHAT,
            epilog=f"example:\n  {module.EXAMPLE}",
        )
        module.add_arguments(made)
        made.set_defaults(run=run, parser=made)
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
