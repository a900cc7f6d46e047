"""A seccomp filter of system calls that no notebook needs, but attacks on a kernel do.

Some of them reserve memory that belongs to no process, out of sight of limits and the meter;
others make namespaces, look into other processes, or reach rarely used parts of the kernel.
They fail as if the machine did not allow them.  Of sockets, only those of the machine's own
processes (AF_UNIX) are left: a kernel needs no others, and VSOCK reaches past a network namespace.
"""

import contextlib
import ctypes
import errno
import platform
import socket
import struct
from collections.abc import Iterator

from nbjudge.kernel.process.namespaces import PR_SET_SECCOMP, prctl

# name: numbers on x86-64 and on AArch64
DENIED = {
    "acct": (163, 89),
    "add_key": (248, 217),
    "bpf": (321, 280),
    "chroot": (161, 51),
    "delete_module": (176, 106),
    "fanotify_init": (300, 262),
    "finit_module": (313, 273),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "fspick": (433, 433),
    "init_module": (175, 105),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
    "kcmp": (312, 272),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "msgget": (68, 186),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "perf_event_open": (298, 241),
    "pidfd_getfd": (438, 438),
    "pivot_root": (155, 41),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "quotactl": (179, 60),
    "reboot": (169, 142),
    "request_key": (249, 218),
    "semget": (64, 190),
    "setns": (308, 268),
    "shmget": (29, 194),
    "swapon": (167, 224),
    "syslog": (103, 116),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
    "vmsplice": (278, 75),
}
CLONE, CLONE3 = (56, 220), (435, 435)
SOCKETS = ((41, 198), (53, 199))  # socket and socketpair
CLONE_NAMESPACES = 0x7E02_0000  # all flags of clone(2) that make a namespace

MACHINES = {"x86_64": (0, 0xC000_003E), "aarch64": (1, 0xC000_00B7)}
"""The column of the numbers above, and seccomp's identifier of the machine."""

FOREIGN = 0x4000_0000  # higher numbers belong to another calling convention of x86-64

# of struct seccomp_data: where the call's number, the machine and the first argument are
NUMBER, MACHINE, ARGUMENT = 0, 4, 16

# classic BPF instructions, and what a filter may return
LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW = 0x7FFF_0000
FAIL = 0x0005_0000


def _instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


def program(machine: str) -> bytes:
    """The filter for a machine named as by `platform.machine()`; empty if there is none."""
    if machine not in MACHINES:
        return b""
    column, name = MACHINES[machine]
    denied, unknown = FAIL | errno.EPERM, FAIL | errno.ENOSYS
    made = [
        _instruction(LOAD, MACHINE),
        _instruction(EQUAL, name, if_true=1),
        _instruction(RETURN, unknown),
        _instruction(LOAD, NUMBER),
        _instruction(AT_LEAST, FOREIGN, if_false=1),
        _instruction(RETURN, unknown),
        _instruction(EQUAL, CLONE3[column], if_false=1),  # its flags cannot be seen from here, and
        _instruction(RETURN, unknown),  # the C library then takes clone instead
    ]
    for numbers in DENIED.values():
        made += [
            _instruction(EQUAL, numbers[column], if_false=1),
            _instruction(RETURN, denied),
        ]
    for numbers in SOCKETS:
        made += [
            _instruction(EQUAL, numbers[column], if_false=4),
            _instruction(LOAD, ARGUMENT),
            _instruction(EQUAL, socket.AF_UNIX, if_true=1),
            _instruction(RETURN, FAIL | errno.EAFNOSUPPORT),
            _instruction(RETURN, ALLOW),
        ]
    made += [
        _instruction(EQUAL, CLONE[column], if_false=3),
        _instruction(LOAD, ARGUMENT),
        _instruction(ANY_BIT, CLONE_NAMESPACES, if_false=1),
        _instruction(RETURN, denied),
        _instruction(RETURN, ALLOW),
    ]
    return b"".join(made)


def restrict() -> None:
    """Apply the filter to this process and all that it starts.  It can never be removed.

    Raises OSError.
    """
    if instructions := program(platform.machine()):
        with _pointed_to(instructions) as address:
            prctl(PR_SET_SECCOMP, 2, address)


@contextlib.contextmanager
def _pointed_to(instructions: bytes) -> Iterator[int]:
    """The address of a filter in the form that the kernel expects."""
    code = ctypes.create_string_buffer(instructions, len(instructions))
    header = ctypes.create_string_buffer(
        struct.pack("@HP", len(instructions) // 8, ctypes.addressof(code))
    )
    yield ctypes.addressof(header)
