#!/bin/sh
# jupyter_client 8.10.0 lets a kernel manager be given a ZeroMQ context, and makes its clients with another one.
# Limits that are set on the manager's context, such as the largest message or the receive queue's length,
# so never hold for what a client receives: whoever bounds an untrusted kernel's messages that way is not bounded.
# Passing the context to `manager.client(context=...)` by hand has the wanted effect.
# Exits with 0 while this is seen, with 1 once it is not.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet jupyter-client==8.10.0
cd "$folder"
"$folder/env/bin/python" - <<'PYTHON'
import sys

import jupyter_client
import zmq
from jupyter_client.manager import KernelManager

print(f"Python {sys.version.split()[0]}, jupyter_client {jupyter_client.__version__}, pyzmq {zmq.__version__}")
context = zmq.Context()
context.setsockopt(zmq.RCVHWM, 7)
manager = KernelManager(context=context, connection_file="kernel.json")
manager.write_connection_file()


def queue(client):
    """The length of the receive queue of a client's socket for outputs."""
    socket = client.connect_iopub()
    length = socket.getsockopt(zmq.RCVHWM)
    socket.close()
    return length


plain, by_hand = queue(manager.client()), queue(manager.client(context=context))
print(f"receive queue: 7 asked for; {plain} of a client, {by_hand} if the context is passed by hand")
manager.cleanup_connection_file()
sys.exit(not (plain != 7 and by_hand == 7))
PYTHON
