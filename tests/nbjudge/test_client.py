"""What the evidence client relies on in nbclient and jupyter_client, without their promise.

Each test is about nbclient's or jupyter_client's own behavior.  One that fails with a new version
says what in nbjudge/sandbox/client.py has to be looked at before the bound in pyproject.toml moves.
"""

import asyncio
import atexit
import contextlib
import inspect
from queue import Empty

import pytest
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning import KernelProvisionerFactory, LocalProvisioner
from jupyter_client.session import Session
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_raw_cell

from nbjudge.core.limits import Limits
from nbjudge.sandbox import channels
from nbjudge.sandbox.client import EvidenceClient, KernelClient, KernelManager
from nbjudge.sandbox.wire import Connection, Message

PARENT = "the request"
IDLE = ("status", {"execution_state": "idle"})


def message(kind, content, parent=PARENT):
    header = {"msg_type": kind}
    parent_header = {"msg_id": parent}
    return {"msg_type": kind, "header": header, "parent_header": parent_header,
            "content": content, "buffers": [], "metadata": {}}  # fmt: skip


def shows(text, display_id="x", kind="display_data"):
    transient = {"display_id": display_id}
    return message(kind, {"data": {"text/plain": text}, "metadata": {}, "transient": transient})


def two_cells():
    return new_notebook(cells=[new_code_cell("1", id="a"), new_code_cell("2", id="b")])


def running_client():
    """A client as it is while a cell runs."""
    client = NotebookClient(two_cells())
    client.clear_before_next_output = False
    return client


class Channel:
    """A channel on which some messages have arrived; when they are read it is silent."""

    def __init__(self, messages):
        self.messages = list(messages)

    async def get_msg(self, timeout=None):
        if not self.messages:
            await asyncio.sleep(1000 if timeout is None else 0)
            raise Empty
        return self.messages.pop(0)


class Kernel:
    """A kernel's client and its manager in one, for nbclient: it answers every request."""

    has_kernel = False
    ipykernel = False

    def __init__(self, shown=(), answers=True):
        self.shown = shown
        self.answers = answers
        self.iopub_channel = Channel([])
        self.shell_channel = Channel([])
        self.started_with = None

    def _reply(self, content, shown):
        self.iopub_channel.messages += [message(*one) for one in [*shown, IDLE]]
        if self.answers:
            self.shell_channel.messages.append(message("reply", {"status": "ok", **content}))
        return PARENT

    def execute(self, code, **options):
        return self._reply({}, self.shown)

    def kernel_info(self):
        return self._reply({"language_info": {"name": "python"}}, [])

    async def start_kernel(self, **options):
        self.started_with = options
        self.has_kernel = True

    def client(self):
        return self

    def start_channels(self):
        pass

    stop_channels = cleanup_resources = start_channels

    async def wait_for_ready(self, timeout):
        self.waited = timeout

    async def is_alive(self):
        return True

    async def shutdown_kernel(self, now):
        self.shut_down_now = now


# ---- nbclient


@pytest.mark.parametrize("clears", [False, True])
def test_the_map_of_display_ids_is_what_lets_a_cell_rewrite_an_earlier_one(clears):
    client = running_client()
    first, second = client.nb.cells
    client.process_message(shows("at first"), first, 0)
    if clears:
        client._display_id_map.clear()
    client.process_message(shows("rewritten", kind="update_display_data"), second, 1)
    assert first.outputs[0].data["text/plain"] == ("at first" if clears else "rewritten")


@pytest.mark.parametrize("clears", [False, True])
def test_the_stack_of_output_hooks_is_what_diverts_outputs(clears):
    diverted = []

    class Hook:
        def output(self, *arguments):
            diverted.append(arguments)

    client = running_client()
    client.register_output_hook(PARENT, Hook())
    if clears:
        client.output_hook_stack.clear()
    client.process_message(shows("seen"), client.nb.cells[0], 0)
    assert (len(diverted), len(client.nb.cells[0].outputs)) == ((0, 1) if clears else (1, 0))


@pytest.mark.parametrize("clears", [False, True])
def test_comm_objects_are_what_later_messages_of_a_comm_reach(clears):
    heard = []

    class Comm:
        def handle_msg(self, msg):
            heard.append(msg)

    client = running_client()
    client.comm_open_handlers["target"] = lambda msg: Comm()
    opened = {"comm_id": "c", "target_name": "target", "data": {}}
    client.process_message(message("comm_open", opened), client.nb.cells[0], 0)
    if clears:
        client.comm_objects.clear()
    client.process_message(message("comm_msg", opened), client.nb.cells[0], 0)
    assert len(heard) == (0 if clears else 1)


def test_every_message_of_a_cell_is_processed_in_order_and_one_that_is_kept_back_is_not_shown():
    heard = []

    class Client(NotebookClient):
        def process_message(self, msg, cell, cell_index):
            heard.append((msg["msg_type"], cell.id, cell_index))
            if msg["msg_type"] == "stream":
                return None
            return super().process_message(msg, cell, cell_index)

    client = Client(two_cells())
    client.kc = Kernel([("stream", {"name": "stdout", "text": "x"}),
                        ("display_data", {"data": {}, "metadata": {}})])  # fmt: skip
    cell = client.nb.cells[1]
    asyncio.run(client.async_execute_cell(cell, 1))
    kinds = ["stream", "display_data", "status"]
    assert heard == [(kind, "b", 1) for kind in kinds]
    assert [output.output_type for output in cell.outputs] == ["display_data"]


def test_a_cell_ends_as_dead_when_its_wait_for_an_answer_is_cancelled():
    class Client(NotebookClient):
        def process_message(self, msg, cell, cell_index):
            assert self.task_poll_for_reply is not None
            self.task_poll_for_reply.cancel()

    client = Client(two_cells())
    client.kc = Kernel(answers=False)
    with pytest.raises(DeadKernelError):
        asyncio.run(asyncio.wait_for(client.async_execute_cell(client.nb.cells[0], 0), 60))


def test_a_notebook_is_executed_cell_by_cell_in_a_kernel_started_with_the_given_options():
    executed = []

    class Client(NotebookClient):
        async def async_execute_cell(self, cell, cell_index, execution_count=None, **options):
            executed.append((cell.cell_type, cell_index, self.km is kernel))
            return cell

    kernel = Kernel()
    cells = [new_markdown_cell("a"), new_code_cell("1"), new_raw_cell("b"), new_code_cell("2")]
    client = Client(new_notebook(cells=cells), startup_timeout=7, shutdown_kernel="immediate")
    client.km = kernel  # which is then its maker's to shut down
    asyncio.run(client.async_execute(files={"a": b""}, variables={"b": "c"}))
    types = ["markdown", "code", "raw", "code"]
    assert executed == [(kind, number, True) for number, kind in enumerate(types)]
    assert {"files": {"a": b""}, "variables": {"b": "c"}}.items() <= kernel.started_with.items()
    assert kernel.waited == 7
    assert list(inspect.signature(NotebookClient.async_execute_cell).parameters)[1:] == [
        "cell", "cell_index", "execution_count", "store_history",
    ]  # fmt: skip


class NoKernel(Kernel):
    async def start_kernel(self, **options):
        raise OSError("it does not start")


@pytest.mark.parametrize("kernel", [Kernel, NoKernel])
def test_a_client_whose_kernel_did_not_start_stays_registered_for_the_end(monkeypatch, kernel):
    registered = []
    monkeypatch.setattr(atexit, "register", registered.append)
    monkeypatch.setattr(atexit, "unregister", registered.remove)
    client = NotebookClient(new_notebook(cells=[]))
    client.km = kernel()
    with contextlib.suppress(OSError):
        asyncio.run(client.async_execute())
    assert registered == ([client._cleanup_kernel] if kernel is NoKernel else [])


def test_signals_are_left_alone_on_a_loop_that_refuses_to_handle_them():
    asked = []

    def refuse(number, *_):
        asked.append(number)
        raise RuntimeError("not here")

    async def executed():
        loop = asyncio.get_running_loop()
        loop.add_signal_handler = loop.remove_signal_handler = refuse
        client = NotebookClient(new_notebook(cells=[]))
        client.km = Kernel()
        await client.async_execute()

    asyncio.run(executed())
    assert len(asked) == 2  # the first of two, each time


def test_the_evidence_client_overrides_what_nbclient_calls():
    for name in ("async_execute_cell", "process_message"):
        theirs = inspect.signature(getattr(NotebookClient, name))
        ours = inspect.signature(getattr(EvidenceClient, name))
        assert list(ours.parameters) == list(theirs.parameters)
    client = EvidenceClient(two_cells(), frozenset(), Limits())
    assert client.task_poll_for_reply is None and client._display_id_map == {}


# ---- jupyter_client


SPEC = KernelSpec(argv=["no", "program"], display_name="Course", language="python")


def manager(tmp_path):
    return KernelManager(SPEC, connection_file=str(tmp_path / "kernel.json"))


def test_a_manager_takes_the_kernelspec_that_it_has_been_given(tmp_path):
    assert isinstance(AsyncKernelManager.kernel_spec, property)
    assert manager(tmp_path).kernel_spec is SPEC


def test_a_manager_makes_clients_of_its_factory_whose_channels_are_read_within_bounds(tmp_path):
    client = manager(tmp_path).client()
    assert type(client) is KernelClient
    for channel in (client.shell_channel, client.iopub_channel):
        assert type(channel) is channels.Channel and type(channel.socket) is Connection
        channel.stop()


def test_a_client_and_its_manager_open_no_socket_of_zeromqs_own(tmp_path, monkeypatch):
    def refuse(self, channel, identity=None):
        raise AssertionError(f"a socket for {channel}")

    monkeypatch.setattr(AsyncKernelManager, "_create_connected_socket", refuse)
    monkeypatch.setattr(AsyncKernelClient, "_create_connected_socket", refuse)
    made = manager(tmp_path)
    with pytest.raises(AssertionError, match="a socket for control"):
        AsyncKernelManager._connect_control_socket(made)
    made._connect_control_socket()

    async def connected():
        client = made.client()
        client.start_channels()
        assert client._stdin_channel is client._control_channel is client._hb_channel is None
        client.stop_channels()
        assert not client.channels_running

    asyncio.run(connected())


def test_a_channel_skips_what_is_no_message_and_reads_the_next():
    skipped = []
    session = Session(key=b"k")
    sent = session.serialize(session.msg("stream", content={"name": "stdout", "text": "seen"}))
    forged = session.serialize(session.msg("stream", content={"text": "forged"}))
    forged[1] = b"0" * 64

    messages = [
        Message([b"no delimiter"], 12),
        Message([], 10**9, is_cut=True),
        Message(forged, 5),
        Message([b"<IDS|MSG>"], 9),
        Message([b"topic", *sent], 3),
    ]

    class Socket:
        async def receive(self, timeout):
            return messages.pop(0)

    channel = channels.Channel(Socket(), session)
    channel.on_skipped = skipped.append
    read = asyncio.run(channel.get_msg())
    assert read["content"]["text"] == "seen" and skipped == [12, 10**9, 5, 9]


def test_waiting_is_overridden_under_both_names_and_asks_whether_the_kernel_lives():
    assert AsyncKernelClient.wait_for_ready is AsyncKernelClient._async_wait_for_ready
    assert KernelClient.wait_for_ready is KernelClient._async_wait_for_ready
    assert inspect.iscoroutinefunction(AsyncKernelClient._async_is_alive)
    assert list(inspect.signature(AsyncKernelClient.wait_for_ready).parameters)[1:] == ["timeout"]


def test_a_client_that_is_ready_has_read_the_answer_and_one_whose_kernel_ended_says_so(tmp_path):
    class Client(KernelClient):
        shell_channel = iopub_channel = None
        alive = True

        def kernel_info(self, reply=False, timeout=None):
            return PARENT

        async def _async_is_alive(self):
            return self.alive

    client = Client()
    client.shell_channel = Channel([message("kernel_info_reply", {})])
    client.iopub_channel = Channel([message(*IDLE)])
    asyncio.run(client.wait_for_ready(timeout=5))
    assert client.shell_channel.messages == client.iopub_channel.messages == []
    client.alive = False
    with pytest.raises(RuntimeError, match="Kernel died"):
        asyncio.run(client.wait_for_ready(timeout=5))


def test_what_start_kernel_is_given_reaches_the_provisioner_which_stays_with_the_manager(
    tmp_path, monkeypatch
):
    class Refused(Exception):
        pass

    class Provisioner(LocalProvisioner):
        async def pre_launch(self, **options):
            self.given = options
            return {"cmd": ["a program"], "left": options["files"]}

        async def launch_kernel(self, cmd, **options):
            assert (cmd, options) == (["a program"], {"left": {"a": b""}})
            raise Refused

    def create(self, kernel_id, kernel_spec, parent):
        return Provisioner(kernel_id=kernel_id, kernel_spec=kernel_spec, parent=parent)

    monkeypatch.setattr(KernelProvisionerFactory, "create_provisioner_instance", create)
    made = manager(tmp_path)
    with pytest.raises(Refused):
        asyncio.run(made.start_kernel(files={"a": b""}, variables={"b": "c"}))
    assert made.provisioner.parent is made
    assert {"files": {"a": b""}, "variables": {"b": "c"}}.items() <= made.provisioner.given.items()


def test_messages_have_the_parts_that_are_counted():
    session = Session(key=b"k")
    sent = session.serialize(session.msg("display_data", content={"data": {}}))
    _, parts = session.feed_identities(sent)
    received = session.deserialize([*parts, b"buffer"])
    assert received["msg_type"] == "display_data" and received["content"] == {"data": {}}
    assert [bytes(one) for one in received["buffers"]] == [b"buffer"]
