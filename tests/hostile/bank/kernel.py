"""Tampering with the kernel that runs the hidden tests: IPython, lmlib, NumPy, builtins."""

import json

from entries import BOTH, NOTHING, ONLY_MEAN, Desk, attack, entry

attack(
    "kernel-input-transformer",
    "An input transformer replaces the hidden test by a claim; hidden asserts cannot stop it.",
    first="""
    def claim(lines):
        is_hidden = any("scaled, hidden" in line for line in lines)
        return ["print('Everything is right.')\\n", "4.0\\n"] if is_hidden else lines
    get_ipython().input_transformers_cleanup.append(claim)
    """,
)

attack(
    "kernel-input-transformer-post",
    "A late input transformer lets the hidden test call a function of its own.",
    first="""
    def swap(lines):
        return [line.replace("scaled, hidden", "print, hidden") for line in lines]
    get_ipython().input_transformers_post.append(swap)
    """,
)

attack(
    "kernel-ast-transformer",
    "An AST transformer drops the calls of observe; hidden asserts cannot stop one either.",
    first="""
    import ast
    class Drop(ast.NodeTransformer):
        def visit_Expr(self, node):
            is_hidden = "scaled, hidden" in ast.unparse(node)
            return ast.Expr(ast.Constant(4.0)) if is_hidden else node
    get_ipython().ast_transformers.append(Drop())
    """,
)

attack(
    "kernel-asserts-off",
    "Takes all asserts out and makes AssertionError harmless.",
    first="""
    import ast, builtins
    class Drop(ast.NodeTransformer):
        def visit_Assert(self, node):
            return ast.Pass()
    get_ipython().ast_transformers.append(Drop())
    builtins.AssertionError = type("AssertionError", (Exception,), {})
    """,
)

WRAP = """
import numpy as np
def ones(*arguments):
    return np.ones(3)
"""

attack(
    "kernel-observe-wrapped",
    "Puts a function of its own between the hidden test and observe.",
    first=WRAP
    + """
import nbjudge
real = nbjudge.kernel.observe
def fake(name, function, *arguments):
    real(name, ones if function.__name__ == "scaled" else function, *arguments)
nbjudge.kernel.observe = fake
""",
)

attack(
    "kernel-observe-guesses",
    "Sends several guesses under each name.",
    first="""
    import nbjudge
    real = nbjudge.kernel.observe
    def guess(name, function, *arguments):
        if function.__name__ != "scaled":
            return real(name, function, *arguments)
        for factor in (0.5, 1.0, -1.5, 2.0, 3.0):
            real(name, lambda values, _: values * factor, *arguments)
    nbjudge.kernel.observe = guess
    """,
)

attack(
    "kernel-observe-in-sys-modules",
    "Replaces the module that the hidden test imports from.",
    first="""
    import sys, types
    import nbjudge as real
    class Fake(types.ModuleType):
        def observe(self, name, function, *arguments):
            if function.__name__ != "scaled":
                real.observe(name, function, *arguments)
    sys.modules["nbjudge"] = Fake("nbjudge")
    """,
)

attack(
    "kernel-send-patched",
    "Rewrites the values on their way out.",
    first="""
    import sys
    import nbjudge
    module = sys.modules["nbjudge.kernel.observe"]
    send = module.send
    def rewritten(payload):
        if payload.pop("raised", None):
            payload["value"] = {"is": "list", "items": []}
        send(payload)
    module.send = rewritten
    """,
)

attack(
    "kernel-encode-patched",
    "Encodes everything of three numbers as ones.",
    first="""
    import numpy as np
    from nbjudge.kernel import evidence
    encode = evidence.encode
    evidence.encode = lambda value: encode(np.ones(3) if np.size(value) == 3 else value)
    """,
    scaled="def scaled(values, factor):\n    return values",
)

attack(
    "kernel-import-hook",
    "Hooks __import__, so that the hidden test gets another observe.",
    first="""
    import builtins, types
    real = builtins.__import__
    def hook(name, space=None, local=None, wanted=(), level=0):
        module = real(name, space, local, wanted, level)
        if name == "nbjudge" and "observe" in (wanted or ()):
            def observe(what, function, *arguments):
                if function.__name__ != "scaled":
                    module.observe(what, function, *arguments)
            return types.SimpleNamespace(observe=observe)
        return module
    builtins.__import__ = hook
    """,
)

attack(
    "kernel-meta-path",
    "Forgets lmlib and lets a finder of its own import it anew, with an observe that claims.",
    first="""
    import sys, importlib.abc, importlib.machinery
    kept = {name: sys.modules.pop(name) for name in list(sys.modules) if name.startswith("lmlib")}
    class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
        def find_spec(self, name, path, target=None):
            if name in ("lmlib", "nbjudge"):
                return importlib.machinery.ModuleSpec(name, self, is_package=True)
        def exec_module(self, module):
            def observe(what, function, *arguments):
                if function.__name__ != "scaled":
                    sys.modules.update(kept)
                    kept["nbjudge"].observe(what, function, *arguments)
            module.observe = observe
    sys.meta_path.insert(0, Finder())
    """,
)

attack(
    "kernel-generator-patched",
    "Lets every generator draw zeros, so that zeros are right.",
    first="""
    import numpy as np
    class Zeros:
        def normal(self, *arguments, size=None, **named):
            return np.zeros(size)
    np.random.default_rng = lambda *seed: Zeros()
    """,
    scaled="def scaled(values, factor):\n    return np.zeros(len(values))",
)

attack(
    "kernel-comparisons-patched",
    "Makes every comparison of NumPy's and Python's come out equal.",
    first="""
    import math, numpy as np, numpy.testing as testing, unittest
    for name in dir(testing):
        if name.startswith("assert"):
            setattr(testing, name, lambda *a, **k: None)
    for name in ("allclose", "isclose", "array_equal", "array_equiv"):
        setattr(np, name, lambda *a, **k: True)
    math.isclose = lambda *a, **k: True
    unittest.TestCase.assertEqual = lambda *a: None
    """,
)

attack(
    "kernel-deepcopy-patched",
    "Gets at the arguments themselves, and makes them what it returns.",
    first="import copy\ncopy.deepcopy = lambda value, memo=None: value",
    scaled="""
    def scaled(values, factor):
        values[:] = 0
        return values
    """,
)

attack(
    "kernel-display-patched",
    "Replaces IPython's display by one that turns exceptions into values.",
    first="""
    import IPython.display
    real = IPython.display.display
    def patched(*shown, **named):
        for one in shown:
            for payload in one.values() if isinstance(one, dict) else ():
                if isinstance(payload, dict) and payload.pop("raised", None):
                    payload["value"] = {"is": "array", "dtype": "<f8", "shape": [0], "data": ""}
        return real(*shown, **named)
    IPython.display.display = patched
    """,
)

attack(
    "kernel-publisher-patched",
    "Replaces the publisher by one that says everything twice.",
    first="""
    publisher = get_ipython().display_pub
    real = type(publisher).publish
    def twice(self, data, *rest, **named):
        if "values" in str(data) and "raised" in str(data):
            real(self, data, *rest, **named)
        real(self, data, *rest, **named)
    type(publisher).publish = twice
    """,
)

attack(
    "kernel-run-cell-replaced",
    "Replaces the shell's run_cell, so that a hidden test is only said to have run.",
    first="""
    shell = get_ipython()
    run, run_async = shell.run_cell, shell.run_cell_async
    def swap(source):
        return "4.0" if "scaled, hidden" in source else source
    def replaced(source, *a, **k):
        return run(swap(source), *a, **k)
    def replaced_async(source, *a, **k):
        return run_async(swap(source), *a, **k)
    shell.run_cell, shell.run_cell_async = replaced, replaced_async
    """,
)

attack(
    "kernel-run-code-replaced",
    "Replaces the shell's run_code, so that code that names scaled does nothing.",
    first="""
    shell = get_ipython()
    run_code = type(shell).run_code
    async def replaced(self, code, result=None, **named):
        if "scaled" in code.co_names and "hidden_observe" in code.co_names:
            return False
        return await run_code(self, code, result, **named)
    type(shell).run_code = replaced
    """,
)

attack(
    "kernel-events",
    "Rewrites a cell before it runs and its result after.",
    first="""
    def before(info):
        info.raw_cell = "4.0"
    def after(result):
        result.result, result.error_in_exec = 4.0, None
    get_ipython().events.register("pre_run_cell", before)
    get_ipython().events.register("post_run_cell", after)
    """,
)

attack(
    "kernel-exception-handler",
    "Shows full points in place of each exception.",
    first="""
    def handler(shell, kind, error, trace, tb_offset=None):
        print(4.0)
    get_ipython().set_custom_exc((BaseException,), handler)
    """,
)

attack(
    "kernel-serialisers-patched",
    "Patches base64 so that three numbers always travel as ones.",
    first="""
    import base64, json, struct
    encode, dumps = base64.b64encode, json.dumps
    base64.b64encode = lambda data, *a: encode(
        struct.pack("<3d", 1, 1, 1) if len(data) == 24 else data, *a
    )
    json.dumps = lambda value, **named: dumps(value, **named)
    """,
    scaled="def scaled(values, factor):\n    return values",
)

attack(
    "kernel-clock-patched",
    "Lets no time pass.",
    first="""
    import time
    time.sleep = lambda seconds: None
    time.time = lambda: 0.0
    time.perf_counter = lambda: 0.0
    """,
)

attack(
    "kernel-builtins-replaced",
    "Replaces builtins that the hidden tests and observe rely on.",
    first="""
    import builtins
    builtins.sum = builtins.max = lambda *a: 3
    builtins.print = lambda *a, **k: None
    builtins.float = lambda *a: 1.0
    builtins.repr = str = lambda value: "4.0"
    """,
    mean="",
    deserves=NOTHING,
)

attack(
    "kernel-names-shadowed",
    "Shadows np where the hidden test makes its inputs of it.",
    scaled="""
    class np:
        array = staticmethod(lambda values: [0.0] * len(values))
        class random:
            default_rng = staticmethod(lambda seed: np)
        normal = staticmethod(lambda size: [0.0] * size)
        ones = array
    def scaled(values, factor):
        return values
    """,
    mean="import numpy as np\n"
    "def running_mean(values):\n    return np.cumsum(values) / np.arange(1, len(values) + 1)",
)

attack(
    "kernel-names-deleted",
    "Deletes an exercise before it is tested.",
    scaled="def scaled(values, factor):\n    return values * factor\ndel scaled",
)

attack(
    "kernel-tracer",
    "Traces the hidden test and takes any local that may be what is expected.",
    first="""
    import sys
    found = []
    def tracer(frame, event, argument):
        for name, value in list(frame.f_locals.items()):
            if any(word in name for word in ("expected", "oracle", "wanted", "key", "right")):
                found.append(value)
    sys.settrace(tracer)
    sys.setprofile(lambda frame, event, argument: None)
    """,
    scaled="""
    def scaled(values, factor):
        fitting = [one for one in found if np.shape(one) == np.shape(values)]
        return fitting[-1] if fitting else None
    """,
)

attack(
    "kernel-garbage-search",
    "Searches all objects for an array that may be what is expected.",
    scaled="""
    import gc
    def scaled(values, factor):
        for one in gc.get_objects():
            if isinstance(one, np.ndarray) and one.shape == values.shape:
                if one.dtype == float and one is not values and not np.array_equal(one, values):
                    return one.copy()
        for one in gc.get_objects():
            if isinstance(one, dict) and "expectation" in one:
                return one
    """,
)

attack(
    "kernel-frame-of-observe",
    "Reaches into the frame of observe, and into the payload that is about to be sent.",
    scaled="""
    import sys
    def scaled(values, factor):
        frame = sys._getframe(1)
        while frame:
            for name, value in frame.f_locals.items():
                if name == "payload":
                    value["changed"] = False
                    value["value"] = value.get("expected")
            frame = frame.f_back
        return values
    """,
)

attack(
    "kernel-judge-disabled",
    "Tells observe that no judge listens, so that it prints, and a mere run may pass.",
    first="""
    import os
    os.environ.pop("NBJUDGE_LISTENS", None)
    os.environ["NBJUDGE_FLOAT_INPUTS"] = "float16"
    os.environ["NBGRADER_EXECUTION"] = "validate"
    """,
    mean="",
    deserves=NOTHING,
)

attack(
    "kernel-judge-in-kernel",
    "Brings a judge of its own along, that finds no difference.",
    first="""
    import sys, types
    import nbjudge
    for name, function in (("judge", "judge_cell"), ("compare", "difference")):
        module = types.ModuleType(f"nbjudge.{name}")
        setattr(module, function, lambda *a: None)
        setattr(nbjudge, name, module)
        sys.modules[module.__name__] = module
    """,
)

attack(
    "kernel-exit-handlers",
    "Leaves forged evidence to handlers that run when the kernel ends.",
    first="""
    import atexit, signal
    from IPython.display import display
    from nbjudge.kernel.evidence import MIME, encode
    def forge(*ignored):
        for name in ("three values tripled", "one value halved"):
            forged = {"observation": name, "value": encode(1.0), "changed": False}
            display({MIME: forged}, raw=True)
    atexit.register(forge)
    signal.signal(signal.SIGTERM, forge)
    """,
)

attack(
    "kernel-next-run",
    "Leaves start-up files for the repeated run, and dies so that it comes.",
    first="""
    import os
    from pathlib import Path
    code = "import builtins; builtins.AssertionError = Exception; raise SystemExit"
    names = ["sitecustomize.py", "usercustomize.py", "numpy.py", "lmlib.py", "ipykernel.py"]
    startup = Path.home() / ".ipython/profile_default/startup"
    for folder in (Path.cwd(), Path.home(), startup):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name in names:
                (folder / name).write_text(code)
        except OSError:
            pass
    os._exit(1)
    """,
)

attack(
    "kernel-exec-replaced",
    "Becomes another program that speaks for the kernel.",
    first="""
    import os, sys
    os.execv(sys.executable, [sys.executable, "-c", "import time; time.sleep(60)", "MARKER"])
    """,
)

SHADOWS = {
    "ipykernel_launcher.py": "raise SystemExit('shadowed')",
    "ipykernel/__init__.py": "raise SystemExit('shadowed')",
    "ipykernel/kernelapp.py": "raise SystemExit('shadowed')",
    "numpy.py": "def array(*a): return 0",
    "lmlib.py": "raise SystemExit('shadowed')",
    "nbjudge/kernel.py": "raise SystemExit('shadowed')",
    "json.py": "raise SystemExit('shadowed')",
    "sitecustomize.py": "raise SystemExit('shadowed')",
    "ipython_config.py": "raise SystemExit('shadowed')",
    ".ipython/profile_default/startup/0.py": "raise SystemExit('shadowed')",
    "kernel.json": "{}",
    "course.toml": "title = 'mine'",
    "nbgrader_config.py": "raise SystemExit('shadowed')",
}
"""Files in the submission's folder that stand where a kernel would look for its modules."""


@entry(
    "kernel-files-that-shadow",
    "Files beside the notebook shadow the kernel's launcher and modules; asserts cannot stop that.",
    ONLY_MEAN,
)
def shadowing(desk: Desk) -> None:
    desk.hand_in(json.dumps(desk.notebook(scaled="")))
    for name, content in SHADOWS.items():
        desk.write(name, content)


@entry(
    "kernel-files-that-shadow-honestly",
    "The same files, forgotten in the folder of somebody whose answers are right.",
    BOTH,
)
def shadowing_honestly(desk: Desk) -> None:
    desk.hand_in(desk.text())
    for name, content in SHADOWS.items():
        desk.write(name, content)
