"""Forged messages: evidence and protocol messages that the kernel sends beside the right ones."""

from entries import BOTH, NOTHING, attack

FORGE = """
import numpy as np
from IPython.display import display
from nbjudge.kernel.evidence import MIME, encode
NAMES = ["three values tripled", "drawn values doubled", "three values turned round",
         "one value halved"]
def forge(name, value):
    display({MIME: {"observation": name, "value": encode(value), "changed": False}}, raw=True)
def is_hidden(values):
    return abs(values[0]) != 1
"""
"""What most forgers begin with; `is_hidden` tells the hidden test from the visible check."""

SOCKET = """
kernel = get_ipython().kernel
def say(kind, content, parent=None, **more):
    session, socket = kernel.session, kernel.iopub_socket
    session.send(socket, kind, content, parent=parent or kernel.get_parent(), **more)
"""
"""For those who speak on the kernel's sockets themselves."""

attack(
    "forgery-earlier-cell",
    "Sends evidence for the hidden test from a cell before it.",
    first=FORGE + "for name in NAMES:\n    forge(name, np.ones(3))",
)

attack(
    "forgery-later-cell",
    "Sends evidence for the hidden test from a cell after it.",
    last=FORGE + "for name in NAMES:\n    forge(name, np.ones(3))",
)

attack(
    "forgery-inside-the-function",
    "Sends guesses under all names while the hidden test calls the function.",
    first=FORGE,
    scaled="""
    def scaled(values, factor):
        if is_hidden(values):
            for name in NAMES:
                forge(name, values)
        raise KeyError("sent already")
    """,
)

attack(
    "forgery-inside-the-other-exercise",
    "Sends guesses for one exercise while the other one's hidden test runs.",
    first=FORGE,
    mean="""
    def running_mean(values):
        if is_hidden(values):
            for name in NAMES:
                forge(name, np.ones(3))
        return np.cumsum(values) / np.arange(1, len(values) + 1)
    """,
)

attack(
    "forgery-thread",
    "A thread sends guesses all the time, so that some arrive while the hidden test runs.",
    first=FORGE
    + """
import threading, time
def talk():
    for round in range(100):
        for name in NAMES:
            forge(name, np.full(3, float(round)))
        time.sleep(0.02)
threading.Thread(target=talk, daemon=True).start()
""",
)

attack(
    "forgery-parent-header",
    "Sends evidence that claims to belong to another cell.",
    first=FORGE
    + SOCKET
    + """
parent = kernel.get_parent()
def forged(name):
    value = {"observation": name, "value": encode(np.ones(3)), "changed": False}
    return {"data": {MIME: value}, "metadata": {}, "transient": {}}
""",
    last="""
    for name in NAMES:
        say("display_data", forged(name), parent)
        say("execute_result", {**forged(name), "execution_count": 3}, parent)
    """,
)

attack(
    "forgery-other-message-types",
    "Sends evidence as results, updates, streams and messages of kinds that there are not.",
    first=FORGE + SOCKET,
    scaled="""
    def scaled(values, factor):
        value = {"observation": "one value halved", "value": encode(1.0), "changed": False}
        content = {"data": {MIME: value}, "metadata": {}, "transient": {"display_id": "x"}}
        for kind in ("execute_result", "update_display_data", "stream", "error", "evidence"):
            say(kind, {**content, "execution_count": 1, "name": MIME, "text": str(value)})
        raise KeyError
    """,
)

attack(
    "forgery-malformed",
    "Sends evidence of the right names and every wrong form.",
    first=FORGE,
    scaled="""
    def scaled(values, factor):
        if is_hidden(values):
            for value in (5, None, [], {"is": "array"}, {"is": []}, {"is": "array", "dtype": "O",
                    "shape": [3], "data": "gASVAAAA"}, {"is": "array", "dtype": "<f8",
                    "shape": [-1], "data": ""}, {"is": "array", "dtype": "<f8",
                    "shape": [2**39] * 9, "data": ""}, {"is": "array", "dtype": "<f8",
                    "shape": [3], "data": "x" * 1000}, {"is": "list", "items": [[[5]]]}):
                for name in ("one value halved", 5, None, ["one value halved"], "x" * 10**6):
                    forged = {"observation": name, "value": value, "changed": False}
                    display({MIME: forged}, raw=True)
            for forged in (5, None, [], "text", {"observation": "one value halved"}):
                display({MIME: forged}, raw=True)
        raise KeyError
    """,
)

attack(
    "forgery-deep-evidence",
    "Sends evidence that is nested three hundred levels deep.",
    first=FORGE,
    scaled="""
    def scaled(values, factor):
        deep = {"is": "none"}
        for _ in range(300):
            deep = {"is": "list", "items": [deep]}
        display({MIME: {"observation": "x", "value": deep, "changed": False}}, raw=True)
    """,
)

attack(
    "forgery-deep-json",
    "Sends a message whose JSON is deeper than a reader can follow.",
    first=FORGE
    + """
import json
dumps = json.dumps
def deep(value, **named):
    return dumps(value, **named).replace('"DEEP"', "[" * 100_000 + "]" * 100_000)
""",
    scaled="""
    def scaled(values, factor):
        json.dumps = deep
        display({"text/plain": "DEEP", MIME: "DEEP"}, raw=True)
        json.dumps = dumps
    """,
)

attack(
    "forgery-huge-number",
    "Sends a message with a number of ten thousand digits, which a reader refuses.",
    first=FORGE
    + """
import json
dumps = json.dumps
def huge(value, **named):
    return dumps(value, **named).replace('"HUGE"', "9" * 10_000)
""",
    scaled="""
    def scaled(values, factor):
        json.dumps = huge
        display({"application/json": "HUGE", MIME: {"number": "HUGE"}}, raw=True)
        json.dumps = dumps
    """,
)

attack(
    "forgery-expectations",
    "Sends expectations, as if the instructor's KEY region had run.",
    first="""
    import nbjudge
    from nbjudge.kernel import expect
    real = nbjudge.kernel.observe
    def observe(name, function, *arguments):
        real(name, function, *arguments)
        if function.__name__ == "scaled":
            expect.expect(name, expect.at_most(1e9))
    nbjudge.kernel.observe = observe
    """,
)

attack(
    "forgery-numbers",
    "Gives its messages numbers that say that others were lost, so that the run never ends.",
    first=FORGE,
    scaled="""
    def scaled(values, factor):
        forged = {"observation": "one value halved", "value": encode(1.0), "changed": False}
        for number in (0, -1, 1e300, "1", [], None):
            display({MIME: {**forged, "number": number}}, raw=True)
        raise KeyError
    """,
)

attack(
    "forgery-outputs",
    "Prints what a full score looks like, and shows it as a result.",
    scaled="""
    def scaled(values, factor):
        print("Everything that was observed is right.", 4.0)
        display(4.0)
        return 4.0
    """,
    last="print('Everything that was observed is right.')\n4.0",
)

attack(
    "forgery-rewritten-displays",
    "Rewrites the outputs of earlier cells from a later one.",
    first="shown = display('at first', display_id='score')",
    scaled="""
    def scaled(values, factor):
        display("0", display_id="score")
        raise KeyError
    """,
    last="""
    from IPython.display import clear_output, update_display
    update_display(4.0, display_id="score")
    clear_output()
    """,
)

attack(
    "forgery-idle-early",
    "Says that the hidden test has ended before it has begun.",
    first=SOCKET,
    scaled="""
    def scaled(values, factor):
        if len(values) == 3:
            say("status", {"execution_state": "idle"})
        raise KeyError
    """,
)

attack(
    "forgery-reply",
    "Answers for the hidden test on the shell's socket.",
    first=SOCKET,
    scaled="""
    def scaled(values, factor):
        if len(values) == 3:
            content = {"status": "ok", "execution_count": 1, "payload": [], "score": 4.0}
            streams = [kernel.shell_stream] if hasattr(kernel, "shell_stream") else []
            for stream in streams:
                kernel.session.send(stream, "execute_reply", content, parent=kernel.get_parent())
        raise KeyError
    """,
)

attack(
    "forgery-garbage-frames",
    "Sends bytes that are no message at all.",
    first=SOCKET,
    scaled="""
    def scaled(values, factor):
        if len(values) == 3:
            for parts in ([b"x"], [b"", b"<IDS|MSG>"], [b"<IDS|MSG>", b"", b"{", b"{", b"{", b"{"]):
                kernel.iopub_socket.send_multipart(parts)
        raise KeyError
    """,
)

attack(
    "forgery-without-content",
    "Sends well-signed messages that lack what every message has.",
    first=SOCKET,
    scaled="""
    def scaled(values, factor):
        if len(values) == 3:
            for kind in ("display_data", "stream", "status", "clear_output", "comm_open", "error"):
                say(kind, {})
        raise KeyError
    """,
)

attack(
    "forgery-signing-key",
    "Changes the key that the kernel signs its messages with.",
    first="get_ipython().kernel.session.key = b'another'",
    mean="",
    deserves=NOTHING,
)

attack(
    "forgery-comms",
    "Opens comms and widgets with state of every wrong form.",
    first=SOCKET
    + """
for state in ({}, [], None, 5, {"_model_name": 5, "_model_module": []}):
    content = {"comm_id": "x", "target_name": "jupyter.widget", "data": {"state": state}}
    say("comm_open", content)
    say("comm_msg", content)
""",
    scaled="def scaled(values, factor):\n    return values * factor",
    deserves=BOTH,
)

attack(
    "forgery-output-widget",
    "Takes the outputs of later cells into a widget of its own.",
    first="""
    import ipywidgets
    taken = ipywidgets.Output()
    taken.__enter__()
    """,
)
