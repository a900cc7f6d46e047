"""`nbjudge evidence`: a draft of the `observe` and `expect` form of a cell of asserts.

The draft is for a person to finish: it holds what an assert says, and a line for each thing that
nobody but its author can know.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from nbjudge.core.errors import CourseError
from nbjudge.shared.imports import python

TESTING = {"assert_allclose": "rtol", "assert_almost_equal": "", "assert_array_almost_equal": "",
           "assert_array_equal": None, "assert_equal": None}  # fmt: skip
"""NumPy's asserts: the name of the tolerance, "" if it counts decimals, None if there is none."""

CLOSE = ("np.allclose", "numpy.allclose", "np.isclose", "numpy.isclose", "math.isclose",
         "torch.allclose")  # fmt: skip


@dataclass
class Draft:
    """The lines of a drafted cell, and what is left for a person."""

    given: list[str] = field(default_factory=list)  # as in the cell: imports, inputs
    observed: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    names: set[str] = field(default_factory=set)

    @property
    def is_empty(self) -> bool:
        return not self.observed


@dataclass(frozen=True)
class _Claim:
    """One assert: which call it observes, and how the result is compared."""

    call: ast.Call
    comparator: str
    oracle: str
    todo: str = ""


def drafted(source: str) -> str:
    """The `observe` and `expect` form of the cell `source`, as the source of a cell.

    Raises CourseError if the cell is not Python, or has no assert that this can read.
    """
    try:
        body = ast.parse(python(source)).body
    except (SyntaxError, ValueError, RecursionError) as error:
        raise CourseError(f"The cell is not Python: {error}.") from error
    draft = Draft()
    for statement in body:
        _add(draft, statement, "")
    if draft.is_empty:
        raise CourseError(
            "There is no assert in the cell that calls a function and says what it gives: write "
            "its observations by hand, as docs/authoring.md shows."
        )
    todo = [f"# TODO: {words}" for words in draft.left]
    return "\n".join(
        [
            "### BEGIN HIDDEN TESTS",
            "from nbjudge import observe",
            *draft.given,
            *draft.observed,
            *todo,
            "### END HIDDEN TESTS",
            "### BEGIN KEY",
            f"from nbjudge.kernel.expect import {_comparators(draft)}, expect",
            *draft.expected,
            "### END KEY",
        ]
    )


def _comparators(draft: Draft) -> str:
    text = "\n".join(draft.expected)
    return ", ".join(name for name in ("close", "equal") if f"{name}(" in text)


def _add(draft: Draft, statement: ast.stmt, indent: str) -> None:
    """Draft one statement of a cell, at the indentation of the loop that it is in."""
    claims = list(_claims(statement))
    if claims:
        for claim in claims:
            _observe(draft, claim, indent)
    elif isinstance(statement, ast.For) and _asserts_in(statement):
        _loop(draft, statement, indent)
    elif isinstance(statement, ast.Assert) or _asserts_in(statement):
        draft.left.append(f"observe what this is about: {_short(statement)}")
    else:
        lines = ast.unparse(statement).splitlines()
        (draft.observed if indent else draft.given).extend(indent + line for line in lines)


def _loop(draft: Draft, loop: ast.For, indent: str) -> None:
    """Draft a loop over cases: one observation for each, named after the case."""
    head = f"for {ast.unparse(loop.target)} in {ast.unparse(loop.iter)}:"
    inner = Draft(names=draft.names)
    for statement in loop.body:
        _add(inner, statement, "    ")
    if inner.is_empty:
        draft.left.append(f"observe what this is about: {_short(loop)}")
        return
    case = ast.unparse(loop.target)
    draft.observed += [f"{indent}{head}", *(indent + line for line in inner.observed)]
    draft.expected += [f"{indent}{head}", *(f"{indent}    {line}" for line in inner.expected)]
    draft.left += [*inner.left, f"check that no two cases of the loop over {case} share a name"]


def _observe(draft: Draft, claim: _Claim, indent: str) -> None:
    name = _name(draft, claim.call, bool(indent))
    function = ast.unparse(claim.call.func)
    arguments = [ast.unparse(one) for one in (*claim.call.args, *claim.call.keywords)]
    draft.observed.append(f"{indent}observe({', '.join([name, function, *arguments])})")
    oracle = f", oracle={claim.oracle}" if claim.oracle else ""
    draft.expected.append(f"expect({name}, {claim.comparator}{oracle})")
    if claim.todo:
        draft.left.append(f"{name}: {claim.todo}")


def _name(draft: Draft, call: ast.Call, is_case: bool) -> str:
    """The name of an observation, as source: the call itself, or its case in a loop."""
    text = ast.unparse(call)
    if is_case:
        values = [ast.unparse(one) for one in call.args]
        return f'f"{ast.unparse(call.func)} of {" and ".join(f"{{{one}}}" for one in values)}"'
    text = text if len(text) <= 60 else f"{text[:57]}..."
    name, number = text, 2
    while name in draft.names:
        name, number = f"{text} ({number})", number + 1
    draft.names.add(name)
    return repr(name)


def _claims(statement: ast.stmt) -> Iterator[_Claim]:
    if isinstance(statement, ast.Assert):
        yield from _asserted(statement.test)
    elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        yield from _numpy(statement.value)


def _asserted(test: ast.expr) -> Iterator[_Claim]:
    """What `assert test` claims about calls; nothing if that cannot be read."""
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        for one in test.values:
            yield from _asserted(one)
    elif isinstance(test, ast.Compare) and len(test.ops) == 1:
        yield from _compared(test.left, test.ops[0], test.comparators[0])
    elif isinstance(test, ast.Call) and ast.unparse(test.func) in CLOSE and len(test.args) >= 2:
        yield from _is_close(test)
    elif isinstance(test, ast.Call) and ast.unparse(test.func) == "isinstance":
        if call := _call(test.args[0]):
            yield _Claim(call, "equal()", "", "the assert only asks for its type, "
                         f"{ast.unparse(test.args[1])}; here the value counts")  # fmt: skip
    elif isinstance(test, ast.Call) and ast.unparse(test.func) not in ("callable", "hasattr"):
        yield _Claim(test, "equal()", "", "the assert only asks for something true")


def _compared(left: ast.expr, operator: ast.cmpop, right: ast.expr) -> Iterator[_Claim]:
    if isinstance(operator, ast.Eq | ast.Is):
        call, other = (_call(left), right) if _call(left) else (_call(right), left)
        if call is not None:
            yield _equal(call, other)
    elif isinstance(operator, ast.Lt | ast.LtE):  # abs(f(x) - y) < tolerance
        is_gap = isinstance(left, ast.Call) and ast.unparse(left.func) in ("abs", "np.abs")
        gap = left.args[0] if is_gap and isinstance(left, ast.Call) and left.args else None
        if isinstance(gap, ast.BinOp) and isinstance(gap.op, ast.Sub):
            call, other = (
                (_call(gap.left), gap.right) if _call(gap.left) else (_call(gap.right), gap.left)
            )
            if call is not None:
                tolerance = ast.unparse(right)
                yield _Claim(call, f"close(rtol=0, atol={tolerance})", ast.unparse(other))


def _equal(call: ast.Call, other: ast.expr) -> _Claim:
    numbers = [one for one in ast.walk(other) if isinstance(one, ast.Constant)]
    if any(isinstance(one.value, float) for one in numbers):
        return _Claim(call, "close(rtol=1e-6)", ast.unparse(other), "choose the tolerance")
    return _Claim(call, "equal()", ast.unparse(other))


def _sides(test: ast.Call) -> tuple[ast.Call | None, ast.expr]:
    """Of what a test compares: the call of the student's function, if there is one; the other."""
    one, other = test.args[:2]
    return (found, other) if (found := _call(one)) else (_call(other), one)


def _is_close(test: ast.Call) -> Iterator[_Claim]:
    call, other = _sides(test)
    if call is None:
        return
    given = {one.arg: ast.unparse(one.value) for one in test.keywords}
    rtol = given.get("rtol", given.get("rel_tol", "1e-5"))
    atol = given.get("atol", given.get("abs_tol", ""))
    tolerance = f"close(rtol={rtol}{f', atol={atol}' if atol else ''})"
    yield _Claim(call, tolerance, ast.unparse(other))


def _numpy(call: ast.Call) -> Iterator[_Claim]:
    """What one of NumPy's or unittest's asserts claims."""
    name = ast.unparse(call.func).rpartition(".")[2]
    if name not in TESTING or len(call.args) < 2:
        return
    seen, other = _sides(call)
    if seen is None:
        return
    given = {one.arg: ast.unparse(one.value) for one in call.keywords}
    oracle = ast.unparse(other)
    match TESTING[name]:
        case None:
            yield _equal(seen, other)
        case "":
            decimal = given.get("decimal", "7" if name == "assert_almost_equal" else "6")
            yield _Claim(seen, f"close(rtol=0, atol=1.5 * 10 ** -{decimal})", oracle)
        case _:
            atol = f", atol={given['atol']}" if "atol" in given else ""
            yield _Claim(seen, f"close(rtol={given.get('rtol', '1e-7')}{atol})", oracle)


TRANSPARENT = ("list", "sorted", "tuple", "set", "float", "int", "str", "len", "round", "np.array")
"""Functions around a student's that are not what is to be observed."""


def _call(node: ast.expr) -> ast.Call | None:
    """The call of a student's function in `node`; None if there is none, or it is hidden."""
    if isinstance(node, ast.Call) and ast.unparse(node.func) not in TRANSPARENT:
        return node
    return None


def _asserts_in(node: ast.AST) -> bool:
    return any(
        isinstance(one, ast.Assert)
        or (isinstance(one, ast.Call) and ast.unparse(one.func).rpartition(".")[2] in TESTING)
        for one in ast.walk(node)
    )


def _short(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 90 else f"{text[:87]}..."
