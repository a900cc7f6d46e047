"""Channels of a kernel's client, for jupyter_client: messages within bounds, whatever is sent.

A message that is too large, too intricate to be read in bounded memory, or not one at all is
skipped.  `on_skipped` is told its size.
"""

from collections.abc import Callable
from typing import Any

from jupyter_client.session import Session

from nbjudge.core.weight import weight_of
from nbjudge.sandbox.wire import Connection, Message

MOST_WEIGHT = 130_000_000  # bytes of memory to read a message in
LARGEST_HEADER = 100_000  # bytes, of each of a message's three
DELIMITER = b"<IDS|MSG>"


class Channel:
    """One channel: the interface of jupyter_client's own channels, as far as it is used."""

    on_skipped: Callable[[int], None] | None = None

    def __init__(self, socket: Connection, session: Session, loop: Any = None) -> None:
        self.socket: Connection | None = socket
        self.session = session

    def start(self) -> None:
        """Connect."""
        assert self.socket is not None
        self.socket.open()

    def stop(self) -> None:
        """Close the connection."""
        if self.socket is not None:
            self.socket.close()
            self.socket = None

    def is_alive(self) -> bool:
        """Whether the channel has not been stopped."""
        return self.socket is not None

    def send(self, msg: dict[str, Any]) -> None:
        """Send a message."""
        self.session.send(self.socket, msg)  # type: ignore[arg-type]

    async def get_msg(self, timeout: float | None = None) -> dict[str, Any]:
        """The next message, with the `size` of its content in bytes and its `weight` in memory.

        Raises what `Connection.receive` raises.
        """
        while True:
            assert self.socket is not None
            received = await self.socket.receive(timeout)
            if (message := self._read(received)) is not None:
                return message
            if self.on_skipped is not None:
                self.on_skipped(received.size)

    def _read(self, received: Message) -> dict[str, Any] | None:
        """A message as jupyter_client has it; None if it is skipped."""
        parts = received.parts
        if DELIMITER not in parts:
            return None
        signature, *packed = parts[parts.index(DELIMITER) + 1 :][:5] or [b""]
        if len(packed) != 4 or any(len(header) > LARGEST_HEADER for header in packed[:3]):
            return None
        if (weight := weight_of(packed[3])) > MOST_WEIGHT:
            return None
        try:
            message = self.session.deserialize([signature, *packed])
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return None
        kinds = [(message["content"], dict), (message["parent_header"], dict)]
        if not all(isinstance(*one) for one in [*kinds, (message["msg_type"], str)]):
            return None
        return {**message, "size": len(packed[3]), "weight": weight}
