"""What is kept of all that a notebook sends: evidence as text and outputs, both within bounds.

A bound on each cell does not bound the grader's memory, nor the graded notebook: there are many
cells.  Of evidence, the largest observations are dropped first, so that a value that grew by a
mistake does not cost the points of other cells.  What is dropped is told in `cut`.
"""

import heapq
import json
from typing import Any

from nbjudge.core.limits import Limits
from nbjudge.sandbox.wire import TooMuch

NOTEBOOK_FACTOR = 10
"""A notebook may send this many times what a cell may."""

PER_OBSERVATION = 200  # bytes that keeping one takes besides its text
MOST_WEIGHT = 30_000_000  # bytes of memory for all outputs; text is far below it
MOST_NUMBERS = 100_000


class Kept:
    """Evidence and the room for outputs of one run."""

    def __init__(self, limits: Limits, evidence_bytes: int = 0) -> None:
        """evidence_bytes: those that earlier runs of the notebook have left"""
        self.limits = limits
        self.evidence: dict[str, list[str]] = {}
        self.on_own_ground: dict[str, list[str]] = {}  # of cells that ran once more
        self.off_ground: set[str] = set()  # grade cells that a student's settings may change
        self.cut: dict[str, str] = {}  # cell → what of it is not kept, in a sentence
        self.flood = ""  # why a cell that sends without end was stopped
        self._cell = ""
        self._is_graded = False
        self._into = self.evidence
        self._numbers: list[Any] = []
        self._evidence_bytes = evidence_bytes
        self._largest: list[tuple[int, int, list[str], int, str]] = []  # a heap: the largest first
        self._count = 0  # of all that were in it
        self._sent = self._sent_in_all = 0
        self._characters = self._characters_in_all = self._weight = 0

    def begin(self, cell: str, is_graded: bool, is_own_ground: bool = False) -> None:
        """What comes from now on is of this cell."""
        self._cell, self._is_graded = cell, is_graded
        self._into = self.on_own_ground if is_own_ground else self.evidence
        self._sent = self._characters = 0
        if is_own_ground:
            self.on_own_ground[cell] = []

    def spend(self, size: int) -> None:
        """Count `size` bytes that have come.  Raises TooMuch, once `flood` says why."""
        self._sent += size
        self._sent_in_all += size
        most = self.limits.output_mb
        if self._sent > self.limits.output_bytes:
            self.flood = f"printed more than {most} MB and was stopped"
        elif self._sent_in_all > NOTEBOOK_FACTOR * self.limits.output_bytes:
            self.flood = (
                f"was printing when the notebook had printed {NOTEBOOK_FACTOR * most} MB, "
                "and was stopped"
            )
        if self.flood:
            raise TooMuch(self.flood)

    def note_skipped(self, size: int) -> None:
        """Note that a message could not be read."""
        self._cut(f"One message of this cell, of {size / 1e6:.1f} MB, was too large to be read.")

    def add(self, payload: Any) -> None:
        """Keep a piece of evidence, if it is a grade cell's."""
        known = payload if isinstance(payload, dict) else {}
        if len(self._numbers) < MOST_NUMBERS:
            self._numbers.append(known.get("number"))
        if not self._is_graded:
            return
        if "ground" in known:
            self.off_ground.add(self._cell)
            return
        texts = self._into.setdefault(self._cell, [])
        if len(texts) >= self.limits.observations:
            self._cut(
                f"This cell sent more than {self.limits.observations:,} observations: the rest "
                "does not count."
            )
            return
        try:
            text = json.dumps(payload, ensure_ascii=False)
        except RecursionError:  # nested deeper than any observation
            return
        size = len(text) * (1 if text.isascii() else 4)
        heapq.heappush(self._largest, (-size, -self._count, texts, len(texts), self._cell))
        self._count += 1
        texts.append(text)
        self._evidence_bytes += size + PER_OBSERVATION
        while self._evidence_bytes > self.limits.evidence_bytes and self._largest:
            self._drop_largest()

    def _drop_largest(self) -> None:
        size, _, texts, place, cell = heapq.heappop(self._largest)
        texts[place] = ""
        self._evidence_bytes += size - PER_OBSERVATION
        self._cut(
            f"What was observed here is too large: of a notebook, {self.limits.evidence_mb} MB "
            "are kept, and the largest observations do not count.",
            cell,
        )

    def is_complete(self) -> bool:
        """Whether all evidence has arrived, by its sequence numbers."""
        known = sorted(number for number in self._numbers if isinstance(number, int))
        too_many = len(self._numbers) >= MOST_NUMBERS
        return bool(self.cut) or too_many or known == list(range(len(self._numbers)))

    def shown(self, message: dict[str, Any]) -> dict[str, Any] | None:
        """An output as far as there is room for it; None if there is none."""
        content = message["content"]
        room = min(
            self.limits.output_characters - self._characters,
            self.limits.notebook_characters - self._characters_in_all,
        )
        size, weight = message["size"], message["weight"]
        is_whole = size <= room and self._weight + weight <= MOST_WEIGHT
        if not is_whole:
            self._cut(
                "The rest of this cell's output is not kept: that is "
                f"{self.limits.output_characters:,} characters of a cell, and "
                f"{self.limits.notebook_characters:,} of a notebook."
            )
            text = content.get("text")
            if message["msg_type"] != "stream" or not isinstance(text, str) or room <= 0:
                return None
            content = {**content, "text": text[:room]}
            size = weight = min(size, room)
        self._characters += size
        self._characters_in_all += size
        self._weight += weight if message["msg_type"] != "stream" else size
        return {**message, "content": content}

    def _cut(self, sentence: str, cell: str = "") -> None:
        self.cut.setdefault(cell or self._cell, sentence)
