"""Mutation operators: small changes of a right answer that make it wrong.

An operator is a function from a node of the syntax tree to the nodes that could stand in its place.
The first are Python's usual ones (DeMillo, Lipton and Sayward 1978). The others make the slips of
this field: another axis, a transpose or mask left out, query and key exchanged, a distribution
sharpened.
"""

import ast
import copy
import difflib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

Node = ast.AST
Operator = Callable[[Node, "Scope"], Iterator[Node | None]]
"""Gives what may replace a node; None deletes a statement."""


@dataclass(frozen=True)
class Mutant:
    """One wrong answer: a whole solution cell with one small change."""

    operator: str
    source: str
    before: str  # the lines that it changes, as Python itself would write them
    after: str


@dataclass(frozen=True)
class Scope:
    """Names that could be mistaken for one another at some place of a cell."""

    parameters: tuple[str, ...] = ()  # of the function around it
    submodules: tuple[tuple[str, str], ...] = ()  # attributes of `self`, and what made them


OPERATORS: dict[str, Operator] = {}


def operator(function: Operator) -> Operator:
    """List an operator under its function's name."""
    OPERATORS[function.__name__.replace("_", " ")] = function
    return function


# ---- Python's usual ones

COMPARED = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
COMPUTED = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult,
            ast.FloorDiv: ast.Mult, ast.Pow: ast.Mult}  # fmt: skip


@operator
def another_comparison(node: Node, scope: Scope) -> Iterator[Node]:
    """`<` for `<=`, `==` for `!=`, and the like."""
    if isinstance(node, ast.Compare) and (other := COMPARED.get(type(node.ops[0]))):
        yield ast.Compare(node.left, [other(), *node.ops[1:]], node.comparators)


@operator
def another_operation(node: Node, scope: Scope) -> Iterator[Node]:
    """`+` for `-`, `*` for `/`; the factors of a matrix product exchanged."""
    if isinstance(node, ast.BinOp | ast.AugAssign) and (other := COMPUTED.get(type(node.op))):
        changed = copy.copy(node)
        changed.op = other()
        yield changed
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        yield ast.BinOp(node.right, node.op, node.left)


@operator
def off_by_one(node: Node, scope: Scope) -> Iterator[Node]:
    """An integer one larger or one smaller, and one step more or less of a range."""
    if isinstance(node, ast.Constant) and type(node.value) is int:
        yield ast.Constant(node.value + 1)
        if node.value > 1:
            yield ast.Constant(node.value - 1)
    elif isinstance(node, ast.Slice):
        for name in ("lower", "upper"):
            bound = getattr(node, name)
            if bound is not None and not isinstance(bound, ast.Constant):
                yield _with(node, name, ast.BinOp(bound, ast.Add(), ast.Constant(1)))
    elif isinstance(node, ast.Call) and _name(node.func) == "range" and len(node.args) == 1:
        yield _with(node, "args", [ast.BinOp(node.args[0], ast.Sub(), ast.Constant(1))])


@operator
def another_constant(node: Node, scope: Scope) -> Iterator[Node]:
    """A number doubled, or a truth value turned round."""
    if isinstance(node, ast.Constant):
        if type(node.value) is bool:
            yield ast.Constant(not node.value)
        elif type(node.value) is float and node.value:
            yield ast.Constant(2 * node.value)


@operator
def another_sign(node: Node, scope: Scope) -> Iterator[Node]:
    """A minus left out."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield node.operand


@operator
def negated_condition(node: Node, scope: Scope) -> Iterator[Node]:
    """The other way round at an `if` or a `while`, or always on."""
    if isinstance(node, ast.If | ast.IfExp):
        yield _with(node, "test", ast.UnaryOp(ast.Not(), node.test))
        yield _with(node, "test", ast.Constant(True))
        yield _with(node, "test", ast.Constant(False))


@operator
def exchanged_arguments(node: Node, scope: Scope) -> Iterator[Node]:
    """Two arguments that follow one another exchanged."""
    if isinstance(node, ast.Call) and not any(isinstance(a, ast.Starred) for a in node.args):
        for at in range(len(node.args) - 1):
            args = list(node.args)
            args[at], args[at + 1] = args[at + 1], args[at]
            yield _with(node, "args", args)


@operator
def dropped_argument(node: Node, scope: Scope) -> Iterator[Node]:
    """An argument left to its default."""
    if isinstance(node, ast.Call):
        for at in range(len(node.keywords)):
            yield _with(node, "keywords", node.keywords[:at] + node.keywords[at + 1 :])
        if len(node.args) > 1:
            yield _with(node, "args", node.args[:-1])


@operator
def deleted_statement(node: Node, scope: Scope) -> Iterator[None]:
    """A statement left out."""
    is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    if isinstance(node, ast.Assign | ast.AugAssign | ast.Expr | ast.Raise) and not is_text:
        yield None


@operator
def another_variable(node: Node, scope: Scope) -> Iterator[Node]:
    """Another parameter of the same function."""
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        if node.id in scope.parameters:
            at = scope.parameters.index(node.id)
            other = scope.parameters[(at + 1) % len(scope.parameters)]
            if other != node.id:
                yield ast.Name(other, ast.Load())


# ---- those of the field

TURNED = {"T", "mT", "transpose", "permute", "swapaxes", "swapdims", "t"}
SAME_ELSEWHERE = {"copy", "clone", "detach", "contiguous", "item"}
EXCHANGED_CALLS = {
    "sum": "mean", "mean": "sum", "max": "min", "min": "max", "argmax": "argmin", "tril": "triu",
    "triu": "tril", "zeros": "ones", "ones": "zeros", "eval": "train", "train": "eval",
    "relu": "gelu", "gelu": "relu", "ReLU": "GELU", "GELU": "ReLU", "tanh": "sin",
    "sigmoid": "tanh",
    "var": "std", "std": "var", "sin": "cos", "cos": "sin", "append": "extend", "log2": "log",
    "exp": "abs", "sqrt": "abs", "add_module": "register_buffer",
}  # fmt: skip
ROLES = (("query", "key"), ("key", "value"), ("q", "k"), ("k", "v"), ("W_q", "W_k"), ("W_k", "W_v"),
         ("queries", "keys"), ("keys", "values"), ("Q", "K"), ("K", "V"))  # fmt: skip


@operator
def another_axis(node: Node, scope: Scope) -> Iterator[Node]:
    """A sum, softmax, mean or the like along another axis."""
    if isinstance(node, ast.keyword) and node.arg in ("axis", "dim"):
        if (axis := _integer(node.value)) is not None:
            yield ast.keyword(node.arg, ast.Constant(0 if axis else 1))


@operator
def left_out_transpose(node: Node, scope: Scope) -> Iterator[Node]:
    """`x` for `x.T`."""
    if isinstance(node, ast.Attribute) and node.attr in ("T", "mT"):
        yield node.value
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr in TURNED and not _is_module(node.func.value):
            yield node.func.value


@operator
def left_out_term(node: Node, scope: Scope) -> Iterator[Node]:
    """A residual, a bias, a scale or a mask left out."""
    kinds = ast.Add | ast.Sub | ast.Mult | ast.Div
    if isinstance(node, ast.BinOp) and isinstance(node.op, kinds):
        yield node.left
        if isinstance(node.op, ast.Add | ast.Mult):
            yield node.right


@operator
def left_out_call(node: Node, scope: Scope) -> Iterator[Node]:
    """A norm, an activation or a dropout left out, and what is masked let through."""
    if not isinstance(node, ast.Call):
        return
    name = _name(node.func)
    if name in ("where", "masked_fill") and len(node.args) >= 2:
        yield node.args[1] if name == "where" else getattr(node.func, "value", node.args[0])
    elif len(node.args) == 1 and not isinstance(node.args[0], ast.Constant | ast.Starred):
        if name not in ("range", "len", "super", "print", "append"):
            yield node.args[0]
    elif not node.args and isinstance(node.func, ast.Attribute):
        if node.func.attr not in SAME_ELSEWHERE | TURNED and not _is_module(node.func.value):
            yield node.func.value


@operator
def no_copy(node: Node, scope: Scope) -> Iterator[Node]:
    """`x` for `x.copy()`, and `x += y` for `x = x + y`."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not node.args:
        if node.func.attr in SAME_ELSEWHERE and not _is_module(node.func.value):
            yield node.func.value
    elif isinstance(node, ast.Assign) and isinstance(node.value, ast.BinOp):
        target, value = node.targets[0], node.value
        if isinstance(target, ast.Name) and _same(target, value.left):
            yield ast.AugAssign(target, value.op, value.right)


@operator
def exchanged_roles(node: Node, scope: Scope) -> Iterator[Node]:
    """Query, key and value taken for one another."""
    name = getattr(node, "id", getattr(node, "attr", None))
    if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
        for pair in ROLES:
            if name in pair:
                other = pair[1 - pair.index(name)]
                field = "id" if isinstance(node, ast.Name) else "attr"
                yield _with(node, field, other)


@operator
def another_submodule(node: Node, scope: Scope) -> Iterator[Node]:
    """One module used twice, in place of another of the same kind."""
    if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
        made = dict(scope.submodules)
        if _name(node.value) == "self" and node.attr in made:
            for other, kind in made.items():
                if other != node.attr and kind == made[node.attr]:
                    yield _with(node, "attr", other)
                    break


@operator
def another_function(node: Node, scope: Scope) -> Iterator[Node]:
    """`mean` for `sum`, `train` for `eval`, another activation."""
    if isinstance(node, ast.Call) and (other := EXCHANGED_CALLS.get(_name(node.func))):
        field = "attr" if isinstance(node.func, ast.Attribute) else "id"
        yield _with(node, "func", _with(node.func, field, other))


@operator
def another_temperature(node: Node, scope: Scope) -> Iterator[Node]:
    """A distribution drawn from at temperature 0.8."""
    if isinstance(node, ast.Call) and _name(node.func) in ("softmax", "log_softmax"):
        if isinstance(node.func, ast.Attribute) and not _is_module(node.func.value):
            cooler = ast.BinOp(node.func.value, ast.Div(), ast.Constant(0.8))
            yield _with(node, "func", _with(node.func, "value", cooler))
        elif node.args:
            cooler = ast.BinOp(node.args[0], ast.Div(), ast.Constant(0.8))
            yield _with(node, "args", [cooler, *node.args[1:]])
    elif isinstance(node, ast.keyword) and node.arg == "p":
        sharper = f"({ast.unparse(node.value)}) ** 1.25"
        normed = ast.parse(f"{sharper} / ({sharper}).sum()", mode="eval").body
        yield ast.keyword("p", normed)
    elif isinstance(node, ast.Call) and _name(node.func) == "multinomial" and node.args:
        power = ast.BinOp(node.args[0], ast.Pow(), ast.Constant(1.25))
        yield _with(node, "args", [power, *node.args[1:]])


@operator
def no_gradient(node: Node, scope: Scope) -> Iterator[Node]:
    """A tensor detached from what it was computed from; a `with` block left out."""
    if isinstance(node, ast.Return) and scope.submodules and isinstance(node.value, ast.expr):
        detached = ast.Call(ast.Attribute(node.value, "detach", ast.Load()), [], [])
        yield _with(node, "value", detached)
    elif isinstance(node, ast.With):
        yield ast.If(ast.Constant(True), node.body, [])


# ---- mutants of a cell


def mutants_of(source: str, is_open: Callable[[int], bool] = lambda line: True) -> list[Mutant]:
    """All mutants of a solution cell, each different from the others and from the cell.

    is_open: whether a line, counted from 1, is the student's to write
    """
    tree = ast.parse(source)
    original = ast.unparse(tree)
    found: dict[str, Mutant] = {}
    for path, node, scope in _places(tree, (), Scope()):
        if not is_open(getattr(node, "lineno", _line(path, tree))):
            continue
        for name, mutate in OPERATORS.items():
            for replacement in mutate(node, scope):
                text = _unparsed(tree, path, replacement)
                if text is None or text == original or text in found:
                    continue
                before, after = _difference(original, text)
                found[text] = Mutant(name, text, before, after)
    return list(found.values())


Path = tuple[tuple[str, int | None], ...]


def _places(node: Node, path: Path, scope: Scope) -> Iterator[tuple[Path, Node, Scope]]:
    """Every node below `node` with the way to it and the names around it."""
    if isinstance(node, ast.ClassDef):
        scope = Scope(scope.parameters, _submodules(node))
    elif isinstance(node, ast.FunctionDef):
        names = tuple(one.arg for one in node.args.args if one.arg != "self")
        scope = Scope(names, scope.submodules)
    for field, value in ast.iter_fields(node):
        if field in ("decorator_list", "returns", "annotation", "ctx", "op", "ops", "defaults"):
            continue
        if isinstance(value, ast.AST):
            yield (*path, (field, None)), value, scope
            yield from _places(value, (*path, (field, None)), scope)
        elif isinstance(value, list):
            for at, one in enumerate(value):
                if isinstance(one, ast.AST):
                    yield (*path, (field, at)), one, scope
                    yield from _places(one, (*path, (field, at)), scope)


def _submodules(node: ast.ClassDef) -> tuple[tuple[str, str], ...]:
    """The attributes that a class gives itself by calling something, and what it calls."""
    made = {}
    for one in ast.walk(node):
        if isinstance(one, ast.Assign) and isinstance(one.value, ast.Call):
            target = one.targets[0]
            if isinstance(target, ast.Attribute) and _name(target.value) == "self":
                made[target.attr] = ast.unparse(one.value.func)
    return tuple(made.items())


def _line(path: Path, tree: Node) -> int:
    """The line of the nearest node on the way that has one."""
    line, node = 0, tree
    for field, at in path:
        value = getattr(node, field)
        node = value if at is None else value[at]
        line = getattr(node, "lineno", line)
    return line


def _unparsed(tree: Node, path: Path, replacement: Node | None) -> str | None:
    """The tree's source with the node at `path` replaced; None if that is no program."""
    changed = copy.deepcopy(tree)
    parent: Node = changed
    for field, at in path[:-1]:
        value = getattr(parent, field)
        parent = value if at is None else value[at]
    field, at = path[-1]
    new = ast.Pass() if replacement is None else copy.deepcopy(replacement)
    if at is None:
        setattr(parent, field, new)
    else:
        getattr(parent, field)[at] = new
    try:
        text = ast.unparse(ast.fix_missing_locations(changed))
        ast.parse(text)
    except (SyntaxError, ValueError, AttributeError, TypeError):
        return None
    return text


def _difference(original: str, mutated: str) -> tuple[str, str]:
    """The lines that differ, of both."""
    lines = difflib.ndiff(original.split("\n"), mutated.split("\n"))
    kept = [line for line in lines if line[:1] in "-+"]
    before, after = (
        "\n".join(line[2:].strip() for line in kept if line[0] == sign) for sign in "-+"
    )
    return before, after


def _with(node: Node, field: str, value: object) -> Node:
    changed = copy.copy(node)
    setattr(changed, field, value)
    return changed


def _name(node: Node) -> str:
    """The last part of a dotted name."""
    return str(getattr(node, "attr", getattr(node, "id", "")))


def _integer(node: Node) -> int | None:
    try:
        value = ast.literal_eval(node)
    except (ValueError, SyntaxError):
        return None
    return value if type(value) is int else None


def _is_module(node: Node) -> bool:
    """Whether a name is a package's, as notebooks import them."""
    return ast.unparse(node) in ("np", "torch", "F", "nn", "torch.nn", "nn.functional", "math")


def _same(one: Node, other: Node) -> bool:
    return ast.dump(one).replace("Store()", "Load()") == ast.dump(other).replace(
        "Store()", "Load()"
    )
