"""Memory of a sandbox's sockets, which belongs to no process and which no limit of Linux's bounds.

What is sent over a Unix socket waits in the system's memory until it is read; each of a thousand
open files in each of two hundred processes can hold some hundred kilobytes there.
"""

import functools
from pathlib import Path

USUAL_BUFFER = 212_992  # bytes: Linux's own setting


def most_held(pid: int) -> int:
    """Bytes that all sockets in the network namespace of process `pid` can hold."""
    try:
        first = Path(f"/proc/{pid}/net/sockstat").read_text().partition("\n")[0]
    except OSError:  # not Linux, or it has ended
        return 0
    return int(first.rpartition(" ")[2]) * _buffer()  # "sockets: used 27"


@functools.cache
def _buffer() -> int:
    """Bytes that one socket can hold of what it has sent: Linux doubles what is asked for."""
    try:
        return 2 * int(Path("/proc/sys/net/core/wmem_max").read_text())
    except (OSError, ValueError):
        return 2 * USUAL_BUFFER
