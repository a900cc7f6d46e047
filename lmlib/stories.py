"""Short stories from a seeded grammar: any length, the same on every machine.

>>> write(49, seed=3)
'A small girl named Dora lived in a big city with '

A plot is a sequence of beats, and a beat is a few lines, one of which is told. They are in
data/story_plots.toml. The words in braces come from data/story_words.toml. Each is drawn once per
story and then kept, so a character named at the beginning still has that name at the end: this is
something for a model to remember.

All randomness comes from `random.Random(seed).random()`, the only method that Python guarantees to
return the same numbers in every version. There is no such guarantee for `choice` or for NumPy's
Generator.
"""

import random
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

DATA = Path(__file__).parent / "data"

CHARACTERS = "\n !\"',-.:?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
"""All characters of a story. A newline ends a paragraph, and an empty line ends a story."""

PRONOUNS = {
    "he": {"he": "he", "him": "him", "his": "his", "himself": "himself"},
    "she": {"he": "she", "him": "her", "his": "her", "himself": "herself"},
}
PAST = {"is": "was", "are": "were"}
OF_THE_HERO = ("he", "him", "his", "himself", "kind")  # {his} is short for {hero.his}

MOST_DRAWS = 1_000  # random tries at a word that the story has not used
MOST_BARREN = 1_000  # stories in a row without a new sentence

T = TypeVar("T")
Word = dict[str, str]  # its forms; the word itself is the form ""


def write(length: int, seed: int = 0) -> str:
    """Stories of exactly length characters in total: the last one may be cut short.

    A longer text with the same seed begins with the shorter one. Raises ValueError if the length
    is below one.
    """
    return "".join(_until(length, _stories(seed)))[:length]


def sentences(text: str) -> list[str]:
    """The sentences of a text in order; `"Where is it?" asked Tom.` is one."""
    return re.split(r'(?:(?<=[.!?])|(?<=[.!?]"))\s+(?=["A-Z])', text.strip())


def utterances(length: int, seed: int = 0) -> str:
    """Sentences as in a transcript, one per line, of capitals, apostrophes and spaces only.

    No line is repeated. The lines are complete, so there are length characters or slightly more.
    Raises ValueError if the length is below one or the grammar has no new sentences left.
    """
    return "".join(_until(length, _new_lines(_stories(seed))))


def _new_lines(stories: Iterable[str]) -> Iterator[str]:
    """Each sentence of the stories as a line of capitals, the first time that it occurs."""
    known: set[str] = set()
    barren = 0  # stories since the last one with a new sentence
    for story in stories:
        before = len(known)
        for sentence in sentences(story):
            line = re.sub("[^A-Z']+", " ", sentence.upper()).strip() + "\n"
            if line not in known:
                known.add(line)
                yield line
        barren = barren + 1 if len(known) == before else 0
        if barren == MOST_BARREN:
            raise ValueError(
                f"{MOST_BARREN:,} stories in a row had no new sentence after "
                f"{len(known):,}: ask for a shorter text."
            )


def _until(length: int, pieces: Iterable[str]) -> Iterator[str]:
    """As many pieces as it takes to reach length characters."""
    if length < 1:
        raise ValueError(f"A text of {length} characters is not possible: ask for at least one.")
    missing = length
    for piece in pieces:
        yield piece
        missing -= len(piece)
        if missing <= 0:
            return


# ------------------------------------------------------------------ telling a story


class Slot(NamedTuple):
    """A word that a story draws once and keeps: `{toy2.s}` is slot toy2 in the form s."""

    name: str
    form: str
    capital: bool


class Choice(NamedTuple):
    """Alternative wordings, one of which is drawn each time: `[so|so|so]`."""

    wordings: tuple["Line", ...]


Line = tuple[str | Slot | Choice, ...]


class Beat(NamedTuple):
    """A step of a plot: one of its lines is told, or none half of the time if it is optional."""

    lines: tuple[Line, ...]
    optional: bool = False


class Plot(NamedTuple):
    """The cast, and what happens. A beat without lines starts a new paragraph."""

    name: str
    cast: str
    beats: tuple[Beat, ...]


@dataclass
class Story:
    """The words that one story has drawn so far."""

    draw: Callable[[], float]
    words: dict[str, Word] = field(default_factory=dict)  # by slot
    used: set[str] = field(default_factory=set)  # one word never fills two slots


def _stories(seed: int) -> Iterator[str]:
    draw = random.Random(seed).random
    while True:
        yield _tell(_pick(_plots(), draw), Story(draw)) + "\n\n"


def _tell(plot: Plot, story: Story) -> str:
    """A story with this plot, one paragraph per line."""
    _choose_cast(plot.cast, story)
    paragraphs: list[list[str]] = [[]]
    for beat in plot.beats:
        if not beat.lines:
            paragraphs.append([])
        elif not beat.optional or story.draw() < 0.5:
            parts: list[str] = []
            _fill(_pick(beat.lines, story.draw), story, parts)
            paragraphs[-1].append("".join(parts))
    return _with_articles("\n".join(map(" ".join, paragraphs)))


def _fill(line: Line, story: Story, parts: list[str]) -> None:
    """Append the pieces of the line's text to parts."""
    for part in line:
        if isinstance(part, str):
            parts.append(part)
        elif isinstance(part, Choice):
            _fill(_pick(part.wordings, story.draw), story, parts)
        else:
            word = story.words.get(part.name) or _new_word(part.name, story)
            text = word[part.form]
            parts.append(text[0].upper() + text[1:] if part.capital else text)


def _new_word(slot: str, story: Story) -> Word:
    """An unused word for a slot: toy2 is filled from the list toy."""
    if slot == "third":
        word = _person(story, story.words["hero"]["cast"], _pick(("he", "she"), story.draw))
    else:
        word = _unused(slot.rstrip("0123456789"), story)
    story.words[slot] = word
    return word


def _choose_cast(cast: str, story: Story) -> None:
    """Draw the hero and the friend, one of them a he and the other a she."""
    if cast == "any":
        cast = _pick(("children", "creatures"), story.draw)
    pronouns = _pick((("he", "she"), ("she", "he")), story.draw)
    for slot, pronoun in zip(("hero", "friend"), pronouns, strict=True):
        story.words[slot] = _person(story, cast, pronoun)


def _person(story: Story, cast: str, pronoun: str) -> Word:
    if cast == "children":
        kind = "boy" if pronoun == "he" else "girl"
        name = _unused(kind, story)[""]
    else:
        kind = _unused("creature", story)[""]
        name = _unused("creature_name", story)[""]
    return {"": name, "kind": kind, "cast": cast, **PRONOUNS[pronoun]}


def _unused(name: str, story: Story) -> Word:
    """A word from a list that the story has not used yet, or any word if it has used them all.

    A parent can then be the mom who has already appeared as an adult.
    """
    words = _words()[name]
    free = tuple(word for word in words if word[""] not in story.used)
    word = _pick(words, story.draw)
    for _ in range(MOST_DRAWS if free else 0):
        if word in free:
            break
        word = _pick(words, story.draw)
    else:
        word = _pick(free or words, story.draw)
    story.used.add(word[""])
    return word


def _pick(items: tuple[T, ...], draw: Callable[[], float]) -> T:
    return items[int(draw() * len(items))]


def _with_articles(text: str) -> str:
    """The text with `an` for `a` before a vowel."""
    return re.sub(r"\b([Aa]) (?=[aeiou])", r"\1n ", text)


# ------------------------------------------------------------------ reading the grammar


@cache
def _words() -> dict[str, tuple[Word, ...]]:
    """The word lists, by name."""
    tables = tomllib.loads((DATA / "story_words.toml").read_text(encoding="ascii"))
    irregular = {one: many for one, many in _rows(tables.pop("irregular"))[1:]}
    return {name: _word_list(text, irregular) for name, text in tables.items()}


def _word_list(text: str, irregular: dict[str, str]) -> tuple[Word, ...]:
    """The words of a table with column names in its first line, or of a comma-separated list."""
    if "|" not in text:
        words = [{"": word.strip()} for word in text.split(",")]
    else:
        (_, *columns), *rows = _rows(text)
        words = [dict(zip(("", *columns), row, strict=True)) for row in rows]
    for word in words:
        word |= {"s": _plural(word[""], irregular)}
        word |= PRONOUNS.get(word.get("he", ""), {})
        if "is" in word:
            word["was"] = PAST[word["is"]]
    return tuple(words)


def _rows(text: str) -> list[tuple[str, ...]]:
    return [tuple(cell.strip() for cell in line.split("|")) for line in text.strip().splitlines()]


def _plural(noun: str, irregular: dict[str, str]) -> str:
    """The plural of a noun: boxes, berries, slices of cake."""
    head, of, rest = noun.partition(" of ")
    if head in irregular:
        head = irregular[head]
    elif head.endswith(("s", "x", "ch", "sh")):
        head += "es"
    elif re.search("[^aeiou]y$", head):
        head = head[:-1] + "ies"
    else:
        head += "s"
    return head + of + rest


@cache
def _plots() -> tuple[Plot, ...]:
    """All plots, in the order of the file."""
    tables: dict[str, Any] = tomllib.loads((DATA / "story_plots.toml").read_text(encoding="ascii"))
    shared = {name: _lines(text, {}) for name, text in tables.pop("shared").items()}
    return tuple(
        Plot(name, plot["cast"], tuple(_beat(text, shared) for text in plot["story"].split("\n\n")))
        for name, plot in tables.items()
    )


def _beat(text: str, shared: dict[str, list[Line]]) -> Beat:
    text = text.strip()
    if text == "---":
        return Beat(())
    optional = text.startswith("maybe:\n")
    return Beat(tuple(_lines(text.removeprefix("maybe:\n"), shared)), optional)


def _lines(text: str, shared: dict[str, list[Line]]) -> list[Line]:
    """The lines of a beat; `@name` refers to those of a shared beat."""
    lines = []
    for line in text.strip().splitlines():
        lines += shared[line[1:]] if line.startswith("@") else [_line(line)]
    return lines


def _line(text: str) -> Line:
    """The parts of a line: text, slots in braces, choices in brackets (not nested)."""
    parts: list[str | Slot | Choice] = []
    for part in re.findall(r"\{[^}]*\}|\[[^\]]*\]|[^{\[]+", text):
        if part.startswith("{"):
            parts.append(_slot(part[1:-1]))
        elif part.startswith("["):
            parts.append(Choice(tuple(map(_line, part[1:-1].split("|")))))
        else:
            parts.append(part)
    return tuple(parts)


def _slot(text: str) -> Slot:
    lower = text[0].lower() + text[1:]
    name, _, form = lower.partition(".")
    if name in OF_THE_HERO:
        name, form = "hero", name
    return Slot(name, form, capital=lower != text)
