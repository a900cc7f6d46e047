"""The kernel that notebooks are graded in: IPython's own, except that it never drops a message.

A kernel publishes what a cell shows on a socket that drops messages once a thousand wait to be
sent.  Someone who prints in a loop would lose evidence, and with it points.
"""

import zmq
from ipykernel.kernelapp import IPKernelApp


class LosslessKernelApp(IPKernelApp):
    """An IPython kernel whose sockets queue without a limit."""

    def _bind_socket(self, s: zmq.Socket, port: int) -> int:
        s.setsockopt(zmq.SNDHWM, 0)
        bound: int = super()._bind_socket(s, port)
        return bound


if __name__ == "__main__":
    LosslessKernelApp.launch_instance()
