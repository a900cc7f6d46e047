"""The connection to a kernel: ZeroMQ's protocol, read within bounds."""

import asyncio
import json
import struct
import tracemalloc
from queue import Empty

import pytest
import zmq

from nbjudge.core.weight import LIGHT, PER_ITEM, weight_of
from nbjudge.sandbox import wire
from nbjudge.sandbox.wire import GREETING, LARGEST_MESSAGE, MOST_PARTS, Connection, TooMuch

READY = b"\x04\x06\x05READY"


class Transport(asyncio.Transport):
    """What a connection writes, and whether it reads."""

    def __init__(self):
        super().__init__()
        self.written = b""
        self.is_reading, self.is_open = True, True

    def write(self, data):
        self.written += data

    def pause_reading(self):
        self.is_reading = False

    def resume_reading(self):
        self.is_reading = True

    def abort(self):
        self.is_open = False


def connected(kind="DEALER", spend=lambda size: None):
    connection, transport = Connection("ipc:///x", kind, b"me", spend), Transport()
    connection.connection_made(transport)
    return connection, transport


def message(*parts):
    return b"".join(
        wire._frame(part, wire.MORE if number < len(parts) else 0)
        for number, part in enumerate(parts, start=1)
    )


def received(connection):
    """All messages that have arrived: their parts."""

    async def taken():
        found = []
        while connection._arrived:
            found.append((await connection.receive()).parts)
        return found

    return asyncio.run(taken())


@pytest.mark.parametrize("step", [1, 2, 7, 10_000])
def test_messages_are_read_however_they_are_split_on_their_way(step):
    sent = GREETING + READY + message(b"a", b"", b"x" * 300) + message(b"") + message(b"y" * 70_000)
    connection, _ = connected()
    for start in range(0, len(sent), step):
        connection.data_received(sent[start : start + step])
    assert received(connection) == [[b"a", b"", b"x" * 300], [b""], [b"y" * 70_000]]


def test_nothing_is_sent_before_the_kernel_is_ready():
    connection, transport = connected("SUB")
    connection.send_multipart([b"one", b"two"])
    assert b"one" not in transport.written and len(transport.written) > len(GREETING)
    connection.data_received(GREETING + READY)
    assert transport.written.endswith(b"\x00\x01\x01" + message(b"one", b"two"))


@pytest.mark.parametrize(
    "parts", [[b"x" * (LARGEST_MESSAGE // 2 + 1)] * 2, [b"x"] * (MOST_PARTS + 1)]
)
def test_a_message_that_is_too_large_is_skipped_and_the_next_is_read(parts):
    connection, _ = connected()
    connection.data_received(GREETING + READY + message(*parts) + message(b"next"))
    cut, after = connection._arrived
    assert cut.is_cut and not cut.parts and cut.size == sum(map(len, parts))
    assert after.parts == [b"next"]


def test_a_part_without_end_is_counted_as_it_comes_and_not_kept():
    counted = []
    connection, _ = connected(spend=counted.append)
    connection.data_received(GREETING + READY + b"\x02" + struct.pack(">Q", 2**62))
    for _ in range(5):
        connection.data_received(bytes(1000))
    assert sum(counted) >= 5000 and len(connection._buffer) + len(connection._part) == 0


def test_reading_pauses_until_what_waits_is_taken():
    connection, transport = connected()
    connection.data_received(GREETING + READY + message(b"x" * 60_000) * 2)
    assert not transport.is_reading
    assert len(received(connection)) == 2 and transport.is_reading


@pytest.mark.parametrize("kind", [b"\x00\x00", b"\x01\x00", READY])
def test_even_empty_messages_parts_and_commands_count(kind):
    def spend(size):
        counted.append(size)
        if len(counted) > 100:
            raise TooMuch

    counted = []
    connection, transport = connected(spend=spend)
    connection.data_received(GREETING + READY + kind * 10_000)
    assert len(counted) == 101 and not transport.is_open


def test_a_long_command_ends_the_connection():
    connection, transport = connected()
    connection.data_received(GREETING + b"\x06" + struct.pack(">Q", 2**40))
    assert not transport.is_open


def test_it_understands_and_is_understood_by_the_zeromq_library(tmp_path):
    context = zmq.Context()
    shell, iopub = context.socket(zmq.ROUTER), context.socket(zmq.XPUB)
    urls = [f"ipc://{tmp_path}/1", f"ipc://{tmp_path}/2"]

    async def talk():
        request, subscriber = (
            Connection(url, kind, name, lambda size: None)
            for url, kind, name in zip(urls, ("DEALER", "SUB"), (b"me", b""), strict=True)
        )
        request.open()
        subscriber.open()
        request.send_multipart([b"execute", b"x" * 300])
        await asyncio.sleep(0.1)  # nobody listens yet
        shell.bind(urls[0])
        iopub.bind(urls[1])
        while not (shell.poll(0) and iopub.poll(0)):
            await asyncio.sleep(0.01)
        assert shell.recv_multipart() == [b"me", b"execute", b"x" * 300]
        assert iopub.recv() == b"\x01"
        shell.send_multipart([b"me", b"reply", b"y" * 100_000])
        iopub.send_multipart([b"topic", b""])
        assert (await request.receive(5)).parts == [b"reply", b"y" * 100_000]
        assert (await subscriber.receive(5)).parts == [b"topic", b""]
        with pytest.raises(Empty):
            await subscriber.receive(0.01)
        request.close()
        subscriber.close()

    asyncio.run(asyncio.wait_for(talk(), 60))
    context.destroy(linger=0)


# ---- what a text weighs

HOSTILE = {
    "empty lists": b"[],", "empty objects": b"{},", "small objects": b'{"":0},',
    "small lists": b"[0],", "numbers": b"1.5,", "short texts": b'"ab",',
    "nested": b'[[{"a":[]}]],', "rare characters": '"\U0001f600",'.encode(),
    "escaped": rb'"\ud83d\ude00\"\\",',
}  # fmt: skip


@pytest.mark.parametrize("what", HOSTILE)
def test_a_text_weighs_more_than_reading_it_takes(what):
    text = b"[" + HOSTILE[what] * 20_000 + b"0]"
    tracemalloc.start()
    kept = json.loads(text)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept and weight_of(text) >= peak


def test_one_rare_character_widens_all_others():
    text = ('["' + "x" * 1_000_000 + '\U0001f600"]').encode()
    tracemalloc.start()
    kept = json.loads(text)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept and weight_of(text) >= peak


@pytest.mark.parametrize("shift", range(4))
def test_commas_in_a_text_weigh_nothing(shift):
    text = b'{"a": "' + b"x" * shift + b'1, [2], {3}, \\" ' * 300_000 + b'"}'
    assert PER_ITEM * text.count(b",") > LIGHT
    assert weight_of(text) < 4 * len(text)
