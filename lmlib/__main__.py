"""The command `lmlib`, also as `python -m lmlib`."""

import sys


def main() -> int:
    """Run the command line; its exit code."""
    # these two are a student's, who has not installed what grading needs
    if sys.argv[1:2] == ["handin"]:
        from lmlib import handin

        return handin.main(sys.argv[2:])
    if sys.argv[1:2] == ["pdf"]:
        from lmlib import pdf

        return pdf.main(sys.argv[2:])
    from lmlib.grading import cli

    return cli.main()


if __name__ == "__main__":
    raise SystemExit(main())
