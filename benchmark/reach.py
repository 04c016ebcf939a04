"""Which definitions and libraries a piece of code can reach, found in the source without importing it.

Whatever runs was named by something that ran before: a function where it is called, a method's class where it was
made, a class above in its definition. So the definitions whose names stand in a root, those whose names stand in
these, and so on, hold all that the root's result can depend on, if what is looked up by text (a registry's entry) is a
root of its own. In lodo's files definitions are told apart; in a user's, of which nobody knows how it looks things up,
all of a reached file counts. What a file does when it is imported counts as soon as it is.
"""

import ast
import hashlib
import importlib.util
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from lodo.benchmark.syntax import bound, imports, is_for_types, is_idle, is_script, meaning, names

Target = tuple[str, str | None]


@dataclass(frozen=True, eq=False)
class Definition:
    """Statements of a module that belong together: what a name stands for, or what runs on import."""

    statements: tuple[ast.stmt, ...]
    package: str

    @cached_property
    def text(self) -> str:
        return ";".join(map(meaning, self.statements))

    @cached_property
    def names(self) -> frozenset[str]:
        return names(self.statements)

    @cached_property
    def imports(self) -> frozenset[Target]:
        """What is imported inside, where it runs."""
        return frozenset((module, name) for _, module, name in imports(self.statements, self.package))


@dataclass(frozen=True, eq=False)
class Module:
    """A source file taken apart.

    Attributes:
        definitions: by name, the statements that define it.
        on_import: all other statements.
        bindings: by name, what the file's imports let it stand for.
        imported: modules that are imported along with this one.
    """

    definitions: Mapping[str, Definition]
    on_import: Definition
    bindings: Mapping[str, frozenset[Target]]
    imported: frozenset[Target]

    @staticmethod
    def of(text: str, package: str) -> "Module":
        """Take a file's text apart; ``package`` is what its relative imports are relative to."""
        definitions: dict[str, list[ast.stmt]] = {}
        bindings: dict[str, set[Target]] = {}
        on_import: list[ast.stmt] = []
        imported: set[Target] = set()
        for statement in ast.parse(text).body:
            if is_script(statement) or is_idle(statement):
                continue
            if isinstance(statement, ast.Import | ast.ImportFrom) or is_for_types(statement):
                for bind, module, name in imports([statement], package):
                    bindings.setdefault(bind, set()).add((module, name))
                    imported |= set() if is_for_types(statement) else {(module, name)}
                continue
            simple = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign
            if isinstance(statement, simple) and bound(statement):
                for name in bound(statement):
                    definitions.setdefault(name, []).append(statement)
                continue
            for bind, module, target in imports([statement], package):
                bindings.setdefault(bind, set()).add((module, target))
            on_import.append(statement)
            for name in bound(statement):
                definitions.setdefault(name, []).append(statement)
        return Module(
            {name: Definition(tuple(body), package) for name, body in definitions.items()},
            Definition(tuple(on_import), package),
            {name: frozenset(targets) for name, targets in bindings.items()},
            frozenset(imported),
        )


class Sources:
    """Source files by module name, each read once.

    Attributes:
        changed: texts that stand for files as they would be after an edit.
    """

    def __init__(self, changed: Mapping[Path, str] | None = None) -> None:
        self.changed = {path.resolve(): text for path, text in (changed or {}).items()}
        self._modules: dict[str, Module | None] = {}
        self._paths: dict[str, Path | None] = {}
        self._beside: dict[str, Path] = {}
        self.files: set[str] = set()
        self._libraries: set[str] = set()

    def add(self, path: Path) -> str:
        """A file that a user names, as a module; what it imports is looked for beside it too. Gives its name."""
        name = f"file {hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]}"
        self._paths[name], self._beside[name] = path.resolve(), path.resolve().parent
        self.files.add(name)
        return name

    def path(self, module: str, importer: str = "") -> Path | None:
        """A module's source file; None for a library, or what is no module. ``importer`` is who asks."""
        if module not in self._paths:
            path = self._find(module, self._beside.get(importer))
            if path is None:
                return None
            self._paths[module] = path
            if importer in self._beside:
                self._beside[module] = self._beside[importer]
        return self._paths[module]

    def module(self, name: str, importer: str = "") -> Module | None:
        """A module taken apart, or None for a library."""
        path = self.path(name, importer)
        if path is None:
            return None
        if name not in self._modules:
            text = self.changed[path] if path in self.changed else path.read_text(encoding="utf-8")
            package = name if path.name == "__init__.py" else name.rpartition(".")[0]
            self._modules[name] = Module.of(text, package)
        return self._modules[name]

    def _find(self, module: str, beside: Path | None) -> Path | None:
        top, *rest = module.split(".")
        if top in sys.stdlib_module_names or top in self._libraries or module == "lodo":
            return None
        own = top == "lodo"
        if own:
            top, rest = f"lodo.{rest[0]}", rest[1:]
        folders, file = _locations(top)
        homes = [folder.parent for folder in folders] or [path.parent for path in file]
        if not own and any(map(_is_installed, homes)):
            self._libraries.add(top)  # its version stands for it
            return None
        if not folders and not file and beside:
            folders, rest = [beside], [top, *rest]
        places = [folder.joinpath(*rest) for folder in folders]
        paths = [path for place in places for path in (place.with_name(f"{place.name}.py"), place / "__init__.py")]
        return next((path.resolve() for path in [*(paths if rest else file), *paths[1::2]] if path.is_file()), None)


def _is_installed(home: Path) -> bool:
    """Whether what lies in a folder was put there by an installer, rather than being worked on."""
    return bool({"site-packages", "dist-packages"} & {*home.parts}) or any(home.glob("*.dist-info"))


def _locations(module: str) -> tuple[list[Path], list[Path]]:
    """The folders that a package's modules lie in, none for a plain module; and its own source file, if it has one."""
    try:
        spec = importlib.util.find_spec(module)
    except (ValueError, ModuleNotFoundError):
        return [], []
    if spec is None:
        return [], []
    file = [Path(spec.origin)] if spec.has_location and spec.origin else []
    return [Path(folder) for folder in spec.submodule_search_locations or ()], file


@dataclass
class Reach:
    """What roots reach: text by label of definition, and the libraries' top-level modules.

    Attributes:
        beside: modules and ``module:definition``s at which it stops, since nothing in them can change the result.
    """

    sources: Sources
    beside: frozenset[str]
    texts: dict[str, str] = field(default_factory=dict)
    libraries: set[str] = field(default_factory=set)
    _seen: set[Target] = field(default_factory=set)
    _touched: set[str] = field(default_factory=set)

    def follow(self, roots: Iterable[Target]) -> None:
        """Go wherever the roots lead; each is a module and a name in it, or None for all of the module.

        Raises ValueError for a root of which there is no source.
        """
        waiting = [(root, "") for root in roots]
        for (module, _), _ in waiting:
            if self.sources.module(module) is None:
                raise ValueError(f"there is no source file of module {module}")
        while waiting:
            (module, name), importer = waiting.pop()
            waiting += [(target, module) for target in self._visit(module, name, importer)]

    def _visit(self, name: str, attribute: str | None, importer: str) -> Iterable[Target]:
        if name in self.beside or f"{name}:{attribute}" in self.beside or (name, attribute) in self._seen:
            return
        self._seen.add((name, attribute))
        module = self.sources.module(name, importer)
        own = module is not None and attribute in module.definitions
        if attribute and not own and self.sources.path(f"{name}.{attribute}", importer):
            yield f"{name}.{attribute}", None
            return
        if module is None:
            self.libraries |= {name.partition(".")[0]} - sys.stdlib_module_names - {"lodo"}
            return
        yield from self._touch(name, module, importer)
        definition = module.definitions.get(attribute or "")
        if attribute and not name.startswith("lodo."):
            yield name, None
        elif attribute is None:
            for each, body in module.definitions.items():
                yield from self._take(name, each, module, body)
            for targets in module.bindings.values():
                yield from targets
        elif definition:
            yield from self._take(name, attribute, module, definition)
        elif attribute in module.bindings:
            yield from module.bindings[attribute]
        else:
            yield name, None

    def _take(self, name: str, what: str, module: Module, definition: Definition) -> Iterable[Target]:
        """Count a definition in, with what its names stand for; gives where they lead."""
        stands_for = {each: module.bindings[each] for each in definition.names & module.bindings.keys()}
        bindings = sorted(f"{each}={sorted(map(str, targets))}" for each, targets in stands_for.items())
        # Where a user's file lies is no part of what it is.
        place = "" if name in self.sources.files else name
        self.texts[f"{name}:{what}"] = f"{place}:{what}\n{definition.text}\n{bindings}"
        yield from definition.imports
        for each in definition.names:
            if each in module.definitions:
                yield name, each
            yield from stands_for.get(each, ())

    def _touch(self, name: str, module: Module, importer: str) -> Iterable[Target]:
        """Count in what an import of a module runs: its own loose statements, its packages', its imports'."""
        if name in self._touched:
            return
        self._touched.add(name)
        if module.on_import.statements:
            yield from self._take(name, "", module, module.on_import)
        parent = name.rpartition(".")[0]
        for other in {parent, *(each for each, _ in module.imported)} - self.beside - {""}:
            imported = self.sources.module(other, importer or name)
            if imported is not None:
                yield from self._touch(other, imported, name)
