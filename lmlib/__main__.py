"""The command `lmlib`, also as `python -m lmlib`: what a student does outside a notebook."""

import argparse
import sys

from lmlib import pdf, submit


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; its exit code."""
    parser = argparse.ArgumentParser(
        prog="lmlib", description="Pack your work to submit it, or make a PDF of it."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, module, run in (("submit", submit, submit.pack), ("pdf", pdf, pdf.make)):
        made = commands.add_parser(name, help=module.WHAT, description=module.WHAT)
        module.add_arguments(made)
        made.set_defaults(run=run)
    options = parser.parse_args(sys.argv[1:] if arguments is None else arguments)
    code: int = options.run(options)
    return code


if __name__ == "__main__":
    raise SystemExit(main())
