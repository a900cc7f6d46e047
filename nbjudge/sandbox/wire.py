"""Connection to a kernel, in ZeroMQ's protocol (ZMTP 3.0 without security), within bounds.

The ZeroMQ library bounds one part of a message, but not the number of its parts, and reads on while
nobody takes what has come.  A kernel is its student's, and may send anything.  Here at most one
message of LARGEST_MESSAGE bytes is in memory; the rest waits in the kernel.

Source: ZeroMQ RFC 23 (ZMTP 3.0).
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import Empty

from nbjudge.kernel import evidence

LARGEST_MESSAGE = 3 * evidence.MAX_BYTES // 2
"""In bytes, of all parts; a larger message is skipped.  Encoding makes an observation longer."""

MOST_PARTS = 12  # of a message: the kernel's have six and a topic, and buffers of widgets
LARGEST_COMMAND = 1000  # bytes
WAITING = 100_000  # bytes of messages that may wait to be taken before reading pauses
FREE = 1_000  # bytes of a message that do not count as output: its headers
LEAST = 100  # bytes that any message or surplus part counts, since each takes time
OVERHEAD = 500  # bytes of memory for a message, besides its parts

GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)
MORE, LONG, COMMAND = 1, 2, 4  # flags of a frame
SUBSCRIBE = b"\x00\x01\x01"  # a frame: everything, whatever its topic

CONNECT_EVERY = 0.02  # seconds, while a kernel has no sockets yet
SILENCE = 3  # seconds that a lost connection is kept quiet: a kernel that ended says so first


class TooMuch(Exception):
    """More has been sent than may be."""


@dataclass
class Message:
    """The parts of one message; none of them if it `is_cut`, for being too large."""

    parts: list[bytes] = field(default_factory=list)
    size: int = 0  # in bytes, of all parts that were sent
    is_cut: bool = False


class Connection(asyncio.Protocol):
    """One socket of a kernel, as a client has it."""

    def __init__(self, url: str, kind: str, identity: bytes, spend: Callable[[int], None]) -> None:
        """Prepare the connection; `open` makes it.

        url:      as jupyter_client writes it, "ipc://path" or "tcp://ip:port"
        kind:     ZeroMQ's name for this side's socket, "SUB" or "DEALER"
        identity: by which the other side knows a DEALER
        spend:    told how many bytes came, headers aside; what it raises ends the connection
        """
        self._url = url
        self._kind = kind
        self._identity = identity
        self._spend = spend
        self._transport: asyncio.Transport | None = None
        self._opening: asyncio.Task[None] | None = None
        self._to_send: list[bytes] = []  # until the kernel is ready for it
        self._is_ready = False
        self._buffer = bytearray()
        self._is_greeted = False
        self._flags = 0
        self._left: int | None = None  # bytes of the current frame that are yet to come
        self._part = bytearray()
        self._message = Message()
        self._arrived: deque[Message] = deque()
        self._waiting = 0  # bytes in them
        self._news = asyncio.Event()
        self._error: Exception | None = None

    def open(self) -> None:
        """Connect as soon as the kernel listens."""
        self._opening = asyncio.ensure_future(self._open())

    def close(self) -> None:
        """End the connection."""
        if self._opening is not None:
            self._opening.cancel()
        if self._transport is not None:
            self._transport.abort()

    def send_multipart(self, parts: list[bytes], **_: object) -> None:
        """Send one message; as soon as there is a connection if there is none yet."""
        data = b"".join(
            _frame(bytes(part), MORE if number < len(parts) else 0)
            for number, part in enumerate(parts, start=1)
        )
        if self._transport is None or not self._is_ready:
            self._to_send.append(data)
        else:
            self._transport.write(data)

    async def receive(self, timeout: float | None = None) -> Message:
        """The next message.

        Raises Empty after `timeout` seconds, TooMuch, and ConnectionError if the connection is
        lost for good.
        """
        while not self._arrived:
            if self._error is not None:
                await asyncio.sleep(0 if isinstance(self._error, TooMuch) else SILENCE)
                raise self._error
            self._news.clear()
            try:
                await asyncio.wait_for(self._news.wait(), timeout)
            except TimeoutError:
                raise Empty from None
        message = self._arrived.popleft()
        self._waiting -= message.size + OVERHEAD
        if not self._arrived and self._transport is not None and self._error is None:
            self._transport.resume_reading()
        return message

    async def _open(self) -> None:
        loop = asyncio.get_running_loop()
        transport, _, place = self._url.partition("://")
        while self._transport is None:
            try:
                if transport == "ipc":
                    await loop.create_unix_connection(lambda: self, place)
                else:
                    host, _, port = place.rpartition(":")
                    await loop.create_connection(lambda: self, host, int(port))
            except OSError:
                await asyncio.sleep(CONNECT_EVERY)

    # ---- called by asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        known = {b"Socket-Type": self._kind.encode(), b"Identity": self._identity}
        ready = b"\x05READY" + b"".join(
            bytes([len(name)]) + name + len(value).to_bytes(4, "big") + value
            for name, value in known.items()
        )
        transport.write(GREETING + _frame(ready, COMMAND))

    def connection_lost(self, error: Exception | None) -> None:
        self._fail(error or ConnectionResetError("The kernel closed the connection."))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        try:
            self._read()
        except Exception as error:
            self._fail(error)
        if self._transport is not None and self._waiting > WAITING:
            self._transport.pause_reading()

    # ---- frames

    def _fail(self, error: Exception) -> None:
        self._error = self._error or error
        self._buffer.clear()
        self._news.set()
        if self._transport is not None:
            self._transport.abort()

    def _read(self) -> None:
        """Take from the buffer all of it that can be used."""
        if not self._is_greeted:
            if len(self._buffer) < len(GREETING):
                return
            self._is_greeted = True
            del self._buffer[: len(GREETING)]
        position = 0
        with memoryview(bytes(self._buffer)) as data:
            while True:
                if self._left is None:
                    start = self._begin_frame(data, position)
                    if start == position:
                        break
                    position = start
                assert self._left is not None
                piece = data[position : position + self._left]
                position += len(piece)
                self._left -= len(piece)
                self._take(piece)
                if self._left:
                    break
                self._end_frame()
        del self._buffer[:position]

    def _begin_to_send(self) -> None:
        """Send what has waited for the kernel's first command, READY."""
        if not self._is_ready and self._transport is not None:
            subscription = SUBSCRIBE if self._kind == "SUB" else b""
            self._transport.write(subscription + b"".join(self._to_send))
            self._to_send.clear()
            self._is_ready = True

    def _begin_frame(self, data: memoryview, position: int) -> int:
        """Read a frame's flags and length; the position after them, or the same without them."""
        if position == len(data):
            return position
        flags = data[position]
        end = position + (9 if flags & LONG else 2)
        if end > len(data):
            return position
        self._flags = flags
        self._left = int.from_bytes(data[position + 1 : end], "big")
        if flags & COMMAND and self._left > LARGEST_COMMAND:
            raise ConnectionError("The kernel sent a command that is too long.")
        if not flags & COMMAND:
            self._is_within_bounds(self._left)
        return end

    def _is_within_bounds(self, more: int) -> None:
        """Cut the current message if a part of `more` bytes makes it too large."""
        message = self._message
        kept = sum(map(len, message.parts))
        if kept + more > LARGEST_MESSAGE or len(message.parts) >= MOST_PARTS:
            message.is_cut = True
            message.parts.clear()

    def _take(self, piece: memoryview) -> None:
        if self._flags & COMMAND:
            self._spend(len(piece))
            return
        self._message.size += len(piece)
        if self._message.is_cut:
            self._spend(len(piece))
        else:
            self._part += piece

    def _end_frame(self) -> None:
        self._left = None
        if self._flags & COMMAND:
            self._spend(LEAST)
            self._begin_to_send()
            return
        message = self._message
        if message.is_cut:
            self._spend(LEAST)
        else:
            message.parts.append(bytes(self._part))
        self._part = bytearray()
        if self._flags & MORE:
            return
        self._message = Message()
        if not message.is_cut:
            self._spend(max(LEAST, message.size - FREE))
        self._arrived.append(message)
        self._waiting += message.size + OVERHEAD
        self._news.set()


def _frame(data: bytes, flags: int) -> bytes:
    if len(data) > 255:
        return bytes([flags | LONG]) + len(data).to_bytes(8, "big") + data
    return bytes([flags, len(data)]) + data
