"""Code that ends, stops or maims its own process, and tries to end others."""

from entries import NOTHING, attack, honest

attack(
    "crash-sys-exit",
    "Raises SystemExit in a cell and in the exercise.",
    first="import sys\nsys.exit(0)",
    scaled="def scaled(values, factor):\n    raise SystemExit(0)",
)

attack(
    "crash-exit-in-cell",
    "Ends the process in a cell.",
    first="import os\nos._exit(0)",
)

attack(
    "crash-exit-in-exercise",
    "Ends the process when the hidden test calls.",
    scaled="""
    def scaled(values, factor):
        import os
        os._exit(0) if len(values) == 3 else None
    """,
)

attack(
    "crash-keyboard-interrupt",
    "Raises KeyboardInterrupt in a cell and in the exercise.",
    first="raise KeyboardInterrupt",
    scaled="def scaled(values, factor):\n    raise KeyboardInterrupt",
)

honest(
    "crash-quit",
    "Somebody left a quit() in the notebook.",
    first="quit()",
)

honest(
    "crash-exit-magic",
    "Somebody left an exit in the last cell but one.",
    last="exit\n# ---\nprint('still here')",
)

for name, code, what in (
    ("killed", "os.kill(os.getpid(), signal.SIGKILL)", "Kills itself"),
    ("segfault", "import ctypes\nctypes.string_at(0)", "Reads memory that is not there"),
    ("abort", "os.abort()", "Aborts"),
    ("stopped", "os.kill(os.getpid(), signal.SIGSTOP)", "Stops itself, as a debugger would"),
    ("killed-later", "signal.alarm(1)\ntime.sleep(2)", "Lets an alarm kill it"),
):
    attack(
        f"crash-{name}",
        f"{what} when the hidden test calls.",
        first="import os, signal, time",
        scaled="def scaled(values, factor):\n    if len(values) == 3:\n"
        + "\n".join(f"        {line}" for line in code.splitlines()),
    )

attack(
    "crash-kill-everything",
    "Sends SIGKILL to every process that it may reach, its parent first.",
    first="""
    import os, signal
    for target in (os.getppid(), 1, -1):
        try:
            os.kill(target, signal.SIGKILL)
        except OSError:
            pass
    """,
)

attack(
    "crash-kill-by-name",
    "Searches /proc for the grader and its other kernels, and stops and kills them.",
    first="""
    import os, signal
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != os.getpid():
            for number in (signal.SIGSTOP, signal.SIGKILL):
                try:
                    os.kill(int(name), number)
                except OSError:
                    pass
    """,
)

attack(
    "crash-kill-group",
    "Kills its process group and its session.",
    first="""
    import os, signal
    for target in {os.getpgid(0), os.getsid(0), os.getpgid(os.getppid())}:
        if target > 1:
            try:
                os.killpg(target, signal.SIGKILL)
            except OSError:
                pass
    """,
)

attack(
    "crash-descriptors-closed",
    "Closes every open file and socket of its kernel.",
    first="import os\nos.closerange(0, 4096)",
)

attack(
    "crash-socket-closed",
    "Closes the socket on which the kernel says what a cell shows.",
    first="""
    kernel = get_ipython().kernel
    kernel.iopub_thread.socket.close(linger=0)
    """,
)

attack(
    "crash-socket-narrowed",
    "Narrows that socket to one message, and prints many.",
    first="""
    socket = get_ipython().kernel.iopub_thread.socket
    socket.sndhwm = 1
    for number in range(2000):
        display(number)
    """,
)

attack(
    "crash-sockets-stolen",
    "Destroys the context of all the kernel's sockets.",
    first="get_ipython().kernel.iopub_thread.socket.context.destroy(linger=0)",
    mean="",
    deserves=NOTHING,
)

attack(
    "crash-thread-ends-process",
    "A thread ends the process a moment later, so that another cell looks guilty.",
    first="""
    import os, threading
    threading.Timer(0.3, os._exit, [0]).start()
    """,
    mean="",
    deserves=NOTHING,
)

attack(
    "crash-thread-raises",
    "A thread raises exceptions in the main thread, wherever that is.",
    first="""
    import ctypes, threading, time
    main = threading.main_thread().ident
    def disturb():
        for _ in range(200):
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(main), ctypes.py_object(KeyboardInterrupt)
            )
            time.sleep(0.01)
    threading.Thread(target=disturb, daemon=True).start()
    """,
    mean="",
    deserves=NOTHING,
)

attack(
    "crash-loop-closed",
    "Stops the kernel's event loop.",
    first="import asyncio\nasyncio.get_event_loop().stop()",
    mean="",
    deserves=NOTHING,
)

attack(
    "crash-deep-recursion",
    "Recurses until the stack of the process ends.",
    first="""
    import sys, threading
    sys.setrecursionlimit(10**9)
    """,
    scaled="""
    def scaled(values, factor):
        return max([0], key=lambda _: scaled(values, factor)) if len(values) == 3 else None
    """,
)

attack(
    "crash-five-times",
    "Five cells end the process, more than the run is repeated.",
    first="\n# ---\n".join(["import os; os._exit(0)"] * 5),
    deserves=NOTHING,
)

attack(
    "crash-import-poisoned",
    "Empties sys.modules and sys.path.",
    first="""
    import sys
    for name in [name for name in sys.modules if name.startswith(("lmlib", "numpy", "json"))]:
        del sys.modules[name]
    sys.path.clear()
    """,
    mean="",
    deserves=NOTHING,
)
