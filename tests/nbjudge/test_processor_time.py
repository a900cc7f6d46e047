"""What benchmarks count as processor time: whole trees, killed processes too."""

import resource
import subprocess
import sys

import pytest
from small_course import ROOT

sys.path.append(str(ROOT / "benchmarks"))

import processor_time

LOSES = """
import os, signal, time
signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # whose time nobody is told
child = os.fork()
while time.process_time() < 0.4:
    pass
if child == 0:
    time.sleep(60)
time.sleep(0.5)
os.kill(child, signal.SIGKILL)
time.sleep(0.2)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc and control groups are Linux's")
@pytest.mark.parametrize("way", [processor_time.Group, processor_time.Samples])
def test_a_killed_child_that_nobody_waited_for_counts(way):
    try:
        count = way()
    except OSError as error:
        pytest.skip(str(error))
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    command = (sys.executable, "-S", "-c", LOSES)
    with processor_time.started(command, count, stdin=subprocess.DEVNULL) as process:
        process.wait()
        seconds = count.seconds()
    told = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    assert told < 0.7 < seconds < 1.5
