"""Output of a kernel's child processes, collected without a network.

ipykernel listens on a port of the machine for what forked children print.  A kernel in grading may
open no network socket, so here it is a Unix socket, with a name that is no file and leaves none.
"""

import os
import secrets
from typing import Any

import zmq
from ipykernel.iostream import IOPubThread
from zmq.eventloop.zmqstream import ZMQStream


class LocalIOPubThread(IOPubThread):
    """The thread that publishes output, with a Unix socket for that of children.  Only on Linux."""

    def _setup_pipe_in(self) -> None:
        self._pipe_uuid = os.urandom(16)
        self._pipe_name = f"ipc://@kernel-{secrets.token_hex(16)}"
        listener = self.socket.context.socket(zmq.PULL)
        listener.linger = 0
        listener.bind(self._pipe_name)
        self._pipe_in = ZMQStream(listener, self.io_loop)
        self._pipe_in.on_recv(self._handle_pipe_msg)

    def _setup_pipe_out(self) -> tuple[Any, Any]:
        context = zmq.Context()  # a forked child cannot use its parent's
        sender = context.socket(zmq.PUSH)
        sender.linger = 3000  # milliseconds for what it has sent
        sender.connect(self._pipe_name)
        return context, sender
