"""Processor time of a tree of processes: nothing that ends is lost, and nothing counts twice."""

import mmap
import os
import signal
import socket
import subprocess
import sys
import time

import psutil
import pytest

from nbjudge.sandbox import system_memory
from nbjudge.sandbox.usage import Times, Usage, loses_children, times_of


def used(*looks):
    usage = Usage()
    return [round(usage.since_last({pid: Times(*times) for pid, times in one.items()}), 6)
            for one in looks]  # fmt: skip


def test_each_second_of_a_process_counts_once():
    assert used({1: (1, 0)}, {1: (1.5, 0)}, {1: (1.5, 0)}) == [1, 0.5, 0]


def test_a_child_that_ended_unseen_counts_when_it_is_reaped():
    assert used({1: (1, 0)}, {1: (1, 0.04)}) == [1, 0.04]


def test_a_child_that_was_seen_counts_only_with_what_it_has_used_since():
    assert used({1: (1, 0), 2: (3, 0)}, {1: (1, 3.5)}) == [4, 0.5]


def test_a_child_that_has_gone_before_its_parent_counts_it_is_not_counted_again():
    assert used({1: (1, 0), 2: (3, 0)}, {1: (1, 0)}, {1: (1, 3.5)}) == [4, 0, 0.5]


def test_a_chain_of_processes_that_ends_at_once_counts_once():
    looks = {1: (1, 0), 2: (2, 4), 3: (3, 0)}, {1: (1, 9.5)}
    assert used(*looks) == [10, 0.5]


def test_time_that_never_arrives_hides_no_later_time():
    looks = [{1: (0, 0), 2: (3, 0)}, {1: (0, 0)}, {1: (0, 0)}, {1: (0, 2)}]
    assert used(*looks) == [3, 0, 0, 2]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems show no time of children")
def test_zombies_and_reaped_children_have_their_times():
    burn = "import time\nwhile time.process_time() < 0.3: pass"
    own = psutil.Process()
    before = times_of(own)
    with subprocess.Popen([sys.executable, "-S", "-c", burn]) as child:
        seen = psutil.Process(child.pid)
        while seen.status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.01)
        assert times_of(seen).own >= 0.29
        assert times_of(own).reaped == before.reaped
    assert times_of(own).reaped >= before.reaped + 0.29


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's /proc")
def test_page_tables_and_sockets_are_seen_though_no_process_shows_them_as_its_own():
    pid = os.getpid()
    tables, sockets = system_memory.page_tables(pid), system_memory.most_in_sockets(pid)
    private, filled_at_once = 0x2, 0x8000
    with mmap.mmap(-1, 1 << 30, private | filled_at_once, prot=mmap.PROT_READ):
        assert system_memory.page_tables(pid) >= tables + 2_000_000
    held = [socket.socketpair() for _ in range(20)]
    assert system_memory.most_in_sockets(pid) > sockets + 30 * system_memory.USUAL_BUFFER
    for pair in held:
        for one in pair:
            one.close()


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's /proc")
def test_who_ignores_the_end_of_children_is_noticed():
    own = psutil.Process(os.getpid())
    assert not loses_children([own])
    earlier = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        assert loses_children([own])
    finally:
        signal.signal(signal.SIGCHLD, earlier)
