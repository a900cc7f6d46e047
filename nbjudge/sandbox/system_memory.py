"""Memory that the system holds for a sandbox's processes, outside what they show as their own.

What is sent over a Unix socket waits in the system's memory until it is read; each of a thousand
open files in each of two hundred processes can hold some hundred kilobytes there.  And each page
that a process maps takes eight bytes of a page table, even if there is nothing in it.
"""

import functools
from pathlib import Path

USUAL_BUFFER = 212_992  # bytes: Linux's own setting
PAGE_TABLES = 512  # bytes that are mapped for each byte of a page table


def most_in_sockets(pid: int) -> int:
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


def page_tables(pid: int) -> int:
    """Bytes of the page tables of process `pid`; 0 if the system does not tell."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    _, _, found = status.partition("VmPTE:")
    return int(found.split()[0]) * 1024 if found else 0  # "VmPTE:      123 kB"
