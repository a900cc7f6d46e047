"""`python -m nbjudge.cli`: the command `nbjudge`."""

from nbjudge.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
