"""A definition's text as far as it can change a result: no comments, formatting, docstrings or annotations."""

import ast
from collections.abc import Iterable, Iterator, Sequence

from lodo.methods.base import AttributionMethod

# Decorators that never look at annotations.
PLAIN = ("staticmethod", "classmethod", "property", "cached_property", "cache", "contextmanager")
# What `AttributionMethod` declares says something of a method to readers and to the plan; nothing computes with it.
DESCRIPTIVE = frozenset(AttributionMethod.__annotations__) - {"name"}
DESCRIBING = AttributionMethod.peak_vectors.__name__
UNSEEN = {"ctx", "kind", "type_comment", "type_ignores", "type_params"}
Function = ast.FunctionDef | ast.AsyncFunctionDef


def meaning(node: ast.AST) -> str:
    """The text of a statement or expression; two that differ in nothing that runs have the same.

    Left out: docstrings and other bare strings, annotations of variables outside classes, those of functions without a
    decorator that may read them, what a class says of itself to readers and to the plan, and fields that
    `lodo.tasks.spec.added` marks as changing nothing.
    """
    return _text(node, None)


def _text(value: object, owner: ast.ClassDef | None, typed: bool = True) -> str:
    if isinstance(value, ast.Constant):
        return f"{type(value.value).__name__} {value.value!r}"
    if isinstance(value, list):
        return f"[{','.join(_text(item, owner, typed) for item in value if not is_idle(item, owner))}]"
    if not isinstance(value, ast.AST):
        return repr(value)
    if isinstance(value, ast.ClassDef):
        owner, typed = value, True
    elif isinstance(value, Function):
        owner, typed = None, any(name not in PLAIN for name in map(_name, value.decorator_list))
    elif isinstance(value, ast.AnnAssign) and not owner:
        value = ast.Assign([value.target], value.value or ast.Constant(None))
    parts = [
        f"{field}={_text(content, owner, typed)}"
        for field, content in ast.iter_fields(value)
        if content not in (None, []) and field not in UNSEEN and (typed or field not in ("annotation", "returns"))
    ]
    return f"{type(value).__name__}({','.join(parts)})"


def is_idle(node: object, owner: ast.ClassDef | None = None) -> bool:
    """Whether a statement in a body, ``owner``'s if it is a class's, does nothing that could be noticed in a result."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    if isinstance(node, ast.Pass) or (owner and isinstance(node, Function) and node.name == DESCRIBING):
        return True
    if isinstance(node, ast.Assign) and owner and "register" in map(_name, owner.decorator_list):
        return all(_name(target) in DESCRIPTIVE for target in node.targets)
    if not isinstance(node, ast.AnnAssign):
        return False
    if not owner:
        return node.value is None
    if _name(node.annotation) == "ClassVar":
        return owner.name == AttributionMethod.__name__ or _name(node.target) in DESCRIPTIVE
    # With a default of its own it would decide what a caller gets who leaves it out.
    value = node.value
    return isinstance(value, ast.Call) and _name(value) == "added" and "default" not in {k.arg for k in value.keywords}


def _name(node: ast.AST) -> str:
    """The last name of a decorator, an annotation, a call or a target: ``functools.cache(...)`` is ``cache``."""
    while isinstance(node, ast.Call | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def names(nodes: Iterable[ast.AST]) -> frozenset[str]:
    """Every name that stands in what `meaning` keeps of the nodes, and in annotations, those written as strings too."""
    identifiers = set()
    waiting: list[tuple[ast.AST, ast.ClassDef | None]] = [(node, None) for node in nodes]
    while waiting:
        node, owner = waiting.pop()
        if is_idle(node, owner):
            continue
        if isinstance(node, ast.Name):
            identifiers.add(node.id)
        for annotation in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            identifiers |= names(_quoted(annotation)) if isinstance(annotation, ast.AST) else set()
        owner = node if isinstance(node, ast.ClassDef) else None if isinstance(node, Function) else owner
        waiting += [(inner, owner) for inner in ast.iter_child_nodes(node)]
    return frozenset(identifiers)


def _quoted(annotation: ast.AST) -> Iterator[ast.AST]:
    for inner in ast.walk(annotation):
        if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
            try:
                yield ast.parse(inner.value, mode="eval")
            except SyntaxError:  # a word of a Literal
                continue


def bound(statement: ast.stmt) -> frozenset[str]:
    """The names that a statement of a module defines, imports apart."""
    if isinstance(statement, Function | ast.ClassDef):
        return frozenset({statement.name})
    identifiers: set[str] = set()
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Function | ast.ClassDef):
            identifiers.add(node.name)
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            identifiers.add(node.id)
        waiting.extend(ast.iter_child_nodes(node))
    return frozenset(identifiers)


def is_for_types(statement: ast.stmt) -> bool:
    """``if TYPE_CHECKING:``, whose body never runs."""
    return isinstance(statement, ast.If) and _name(statement.test) == "TYPE_CHECKING"


def is_script(statement: ast.stmt) -> bool:
    """``if __name__ == "__main__":``, whose body does not run where the file is imported."""
    return isinstance(statement, ast.If) and ast.unparse(statement.test) in (
        "__name__ == '__main__'",
        "'__main__' == __name__",
    )


def imports(nodes: Sequence[ast.AST], package: str) -> Iterator[tuple[str, str, str | None]]:
    """Every import in the nodes: (name that it binds, module, name in the module or None for the module itself).

    Args:
        package: what relative imports are relative to, dotted.
    """
    for node in nodes:
        for inner in ast.walk(node):
            if isinstance(inner, ast.Import):
                for alias in inner.names:
                    yield alias.asname or alias.name.partition(".")[0], alias.name, None
            elif isinstance(inner, ast.ImportFrom):
                base = package.split(".")[: len(package.split(".")) - inner.level + 1] if inner.level else []
                module = ".".join([*filter(None, base), *([inner.module] if inner.module else [])])
                for alias in inner.names:
                    yield alias.asname or alias.name, module, alias.name
