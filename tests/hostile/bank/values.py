"""Objects that the code under test returns, to confuse what looks at them."""

from entries import attack

attack(
    "values-equal-to-everything",
    "Returns an object that claims to equal whatever it is compared with.",
    scaled="""
    class Anything:
        __eq__ = __ge__ = __le__ = __contains__ = lambda self, other: True
        __ne__ = lambda self, other: False
        __hash__ = lambda self: 0
        __float__ = lambda self: 1.0
        __array__ = lambda self, *a, **k: np.ones(3)
    def scaled(values, factor):
        return Anything()
    """,
)

attack(
    "values-array-that-differs-each-time",
    "Returns an object that becomes another array each time somebody looks.",
    scaled="""
    class Moving:
        looks = 0
        def __array__(self, *a, **k):
            Moving.looks += 1
            return np.full(3, float(Moving.looks))
    def scaled(values, factor):
        return Moving()
    """,
)

attack(
    "values-exit-in-array",
    "Ends the process when somebody asks for the array.",
    scaled="""
    class Exit:
        def __array__(self, *a, **k):
            raise SystemExit(0)
    def scaled(values, factor):
        return Exit()
    """,
)

attack(
    "values-lying-class",
    "Returns an object that says it is a float.",
    scaled="""
    class Liar:
        __class__ = property(lambda self: float)
    def scaled(values, factor):
        return Liar()
    """,
)

attack(
    "values-lying-subclass",
    "Returns an array whose bytes, shape and type are lies.",
    scaled="""
    class Lying(np.ndarray):
        shape = property(lambda self: (3,))
        nbytes = property(lambda self: 0)
        def tobytes(self, *a):
            return b"\\0" * 24
        def astype(self, *a, **k):
            return self
        def __array_finalize__(self, other):
            pass
    def scaled(values, factor):
        return values.view(Lying)
    """,
)

attack(
    "values-pickle",
    "Returns an object whose unpickling runs code in whoever reads it.",
    scaled="""
    import os
    class Bomb:
        def __reduce__(self):
            return os.system, ("touch /tmp/MARKER-unpickled",)
    def scaled(values, factor):
        return np.array([Bomb(), Bomb(), Bomb()], dtype=object)
    """,
)

attack(
    "values-objects-in-array",
    "Returns an array of objects that multiply on demand.",
    scaled="""
    class Later(float):
        __mul__ = __rmul__ = lambda self, other: Later(0.0)
        __eq__ = lambda self, other: True
        __hash__ = float.__hash__
    def scaled(values, factor):
        return np.array([Later(v) for v in values], dtype=object)
    """,
)

attack(
    "values-destructor",
    "Returns an object that sends evidence when it is thrown away.",
    scaled="""
    from IPython.display import display
    from nbjudge.kernel.evidence import MIME, encode
    class Parting:
        def __del__(self):
            forged = {"observation": "one value halved", "value": encode(1.0), "changed": False}
            display({MIME: forged}, raw=True)
    def scaled(values, factor):
        return Parting() if abs(values[0]) != 1 else values
    """,
)

attack(
    "values-hostile-text",
    "Returns and raises objects whose text is code, endless, or an exception.",
    scaled="""
    class Text(str):
        def encode(self, *a):
            return b"4.0"
        def __len__(self):
            return 10**12
    class Error(Exception):
        def __str__(self):
            raise SystemExit("no text")
    def scaled(values, factor):
        if len(values) == 3:
            raise Error()
        return Text("<script>alert(1)</script>")
    """,
)

attack(
    "values-answers-to-everything",
    "Returns an object that has every attribute, detach and cpu too.",
    scaled="""
    class Yes:
        def __getattr__(self, name):
            return self
        def __call__(self, *a, **k):
            return self
        def __iter__(self):
            return iter([1.0, 1.0, 1.0])
    def scaled(values, factor):
        return Yes()
    """,
)


def strange(name: str, tries: str, *expressions: str) -> None:
    """Add an exercise that returns another of four things for each of the hidden observations."""
    chosen = "".join(
        f"    if factor == {factor}:\n        return {expression}\n"
        for factor, expression in zip((3.0, 2.0, -1.5, 0.5), expressions, strict=True)
    )
    attack(name, tries, scaled=f"def scaled(values, factor):\n{chosen}")


strange(
    "values-not-finite",
    "Returns numbers that are none, and more than any.",
    "np.full(len(values), np.nan)",
    "np.full(len(values), np.inf)",
    "10**5000",
    "values * (1 + 0j)",
)
strange(
    "values-of-other-types",
    "Returns dates, records, bytes and numbers written out.",
    "values.astype('datetime64[s]')",
    "np.zeros(3, dtype=[('a', 'f8'), ('b', 'O')])",
    "bytes(24)",
    "np.array([str(value) for value in values])",
)
strange(
    "values-too-large",
    "Returns what lies above the limits of an observation, in bytes and in items.",
    "np.zeros(2_000_000)",
    "np.broadcast_to(1.0, (10**6, 10**6))",
    "[[]] * 200_000",
    "{str(number): number for number in range(200_000)}",
)
strange(
    "values-empty",
    "Returns arrays that are empty, of many axes and of great length.",
    "np.zeros((0,) + (1,) * 30)",
    "np.zeros((2**39, 0))",
    "[[[]]]",
    "{'': {}}",
)
strange(
    "values-without-end",
    "Returns what can be called, or asked for ever.",
    "(value for value in iter(float, 1))",
    "lambda *a: 1.0",
    "scaled",
    "type('V', (), {'__getattr__': lambda self, name: self})()",
)
strange(
    "values-of-the-process",
    "Returns all names of the notebook, all frames, and texts of characters that are none.",
    "globals()",
    "__import__('sys')._current_frames()",
    "'\\ud83d' * 3",
    "'\\0' * 3",
)

attack(
    "values-deep-list",
    "Returns a list that is nested ten thousand levels deep.",
    scaled="""
    def scaled(values, factor):
        deep = []
        for _ in range(10_000):
            deep = [deep]
        return deep
    """,
)

attack(
    "values-recursive",
    "Returns a list and a dictionary that hold themselves.",
    scaled="""
    def scaled(values, factor):
        around = [1.0]
        around.append({"again": around})
        return around
    """,
)

attack(
    "values-arguments-that-hold-themselves",
    "Makes its arguments hold each other, so that no digest of them ends.",
    scaled="""
    def scaled(values, factor):
        import sys
        arguments = sys._getframe(1).f_locals.get("arguments", ())
        values[:] = 1.0
        return [arguments, values]
    """,
)

attack(
    "values-endless-list",
    "Returns a list whose iteration never ends.",
    scaled="""
    class Endless(list):
        def __iter__(self):
            while True:
                yield None
        __len__ = lambda self: 3
    def scaled(values, factor):
        return Endless([None]) if factor == 3.0 else 0.0
    """,
)
