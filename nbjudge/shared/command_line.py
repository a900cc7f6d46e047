"""Command-line parsing: argparse with one-sentence errors and suggestions for mistyped words."""

import argparse
import difflib
import sys
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

LONGEST_GUESSED = 100  # characters of a mistyped word for which there is a suggestion


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'grade'?` to follow a sentence about the unknown `word`; may be empty.

    A prefix of a known word matches it.
    """
    known = list(known)
    if not 0 < len(word) <= LONGEST_GUESSED:
        return ""
    lower = {name.casefold(): name for name in reversed(known)}
    found = [name for name in known if name.casefold().startswith(word.casefold())]
    close = difflib.get_close_matches(word.casefold(), lower, n=1)
    guess = found[:1] or [lower[name] for name in close]
    return f"; did you mean {guess[0]!r}?" if guess else ""


class Parser(argparse.ArgumentParser):
    """A parser of a command, or of one of its subcommands.

    A usage error ends the program with exit code 2 and one sentence.
    """

    def __init__(self, **settings: Any) -> None:
        self.flags: list[str] = []
        settings.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(allow_abbrev=False, **settings)

    def add_argument(self, *names: Any, **settings: Any) -> argparse.Action:
        """As in argparse."""
        made = super().add_argument(*names, **settings)
        self.flags += made.option_strings
        return made

    def parse_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> argparse.Namespace:
        """The words of the command as attributes; a usage error ends the program."""
        words = sys.argv[1:] if args is None else list(args)
        options, rest = self.parse_known_args(words, namespace)
        if rest:
            getattr(options, "parser", self).refuse(rest[0])
        return options

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """As in argparse, but unknown options are refused first."""
        words = sys.argv[1:] if args is None else list(args)
        for word in words:
            if word == "--" or (self._subparsers and not word.startswith("-")):
                break  # only operands follow, or the words of a subcommand
            if word.startswith("--") and word.partition("=")[0] not in self.flags:
                self.refuse(word)
        return super().parse_known_args(words, namespace)

    def refuse(self, word: str) -> NoReturn:
        """End the program, since `word` is no option of the command, or is one word too many."""
        if not word.startswith("-"):
            self.error(f"{word!r} is one word too many; `{self.prog} -h` shows what is expected.")
        name = word.partition("=")[0]
        guess = did_you_mean(name, self.flags) if len(name) > 2 else ""
        self.error(f"There is no option {name!r}{guess or f'; `{self.prog} -h` lists them all.'}")

    def error(self, message: str) -> NoReturn:
        """End the program with exit code 2 and `message` as a sentence."""
        message = message.removeprefix("argument ")
        if message[-1] not in ".?":
            message += f"; `{self.prog} -h` shows how it is used."
        self.exit(2, f"{self.prog}: {message}\n")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Refuse a word that is not among an argument's choices, with a suggestion."""
        if action.choices is None or value in action.choices:
            return
        known = list(map(str, action.choices))
        if isinstance(action, argparse._SubParsersAction):
            guess = did_you_mean(value, known) or f"; `{self.prog} -h` lists them all."
            self.error(f"There is no command {value!r}{guess}")
        guess = did_you_mean(str(value), known) or "."
        raise argparse.ArgumentError(action, f"{value!r} is not among {', '.join(known)}{guess}")
