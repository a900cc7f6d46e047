"""The names that a cell of a notebook takes from other cells, and those that it binds."""

import ast
import symtable

SCOPES = (
    ast.FunctionDef,
    ast.Lambda,
    ast.ListComp,
    ast.SetComp,
    ast.DictComp,
    ast.GeneratorExp,
)


def read(source: str) -> set[str]:
    """The names that a cell reads before it binds them, or only binds elsewhere."""
    outer = _Outer()
    outer.visit(ast.parse(source))
    inner = _read_inside(symtable.symtable(source, "cell", "exec"))
    return outer.read | (inner - outer.bound)


def bound(source: str) -> set[str]:
    """The names that a cell binds, other than by an import."""
    table = symtable.symtable(source, "cell", "exec")
    own = {name.get_name() for name in table.get_symbols() if name.is_assigned()}
    return {name for name in own if not table.lookup(name).is_imported()}


class _Outer(ast.NodeVisitor):
    """Goes through a cell in the order in which it runs, but not into its functions."""

    def __init__(self) -> None:
        self.read: set[str] = set()
        self.bound: set[str] = set()

    def visit(self, node: ast.AST) -> None:
        if isinstance(node, ast.Name):
            self._name(node)
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            self._in_order(node, first="value")
        elif isinstance(node, ast.For):
            self._in_order(node, first="iter")
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            for decorator in node.decorator_list:
                self.visit(decorator)
            self.bound.add(node.name)
        elif isinstance(node, ast.ExceptHandler):
            self.bound.add(node.name or "")
            self.generic_visit(node)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            self.bound |= {(name.asname or name.name).split(".")[0] for name in node.names}
        elif isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            self.visit(node.generators[0].iter)  # the only part outside of its own scope
        elif not isinstance(node, SCOPES):
            self.generic_visit(node)

    def _in_order(self, node: ast.AST, first: str) -> None:
        fields = dict(ast.iter_fields(node))
        for part in (fields.pop(first), *fields.values()):
            for child in part if isinstance(part, list) else [part]:
                if isinstance(child, ast.AST):
                    self.visit(child)

    def _name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Store):
            self.bound.add(node.id)
        elif node.id not in self.bound:
            self.read.add(node.id)


def _read_inside(table: symtable.SymbolTable) -> set[str]:
    """The names that functions and comprehensions of a cell read from outside."""
    found: set[str] = set()
    for child in table.get_children():
        symbols = child.get_symbols()
        found |= {name.get_name() for name in symbols if name.is_global() and name.is_referenced()}
        found |= _read_inside(child)
    return found
