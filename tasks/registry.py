"""A registry of named things: filled by decorators, by entry points and by files that a user names."""

import difflib
import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import entry_points as installed_entry_points
from pathlib import Path
from typing import Any, Generic, TypeVar

from lodo.tasks.errors import InputError

T = TypeVar("T")


def did_you_mean(name: str, known: list[str]) -> str:
    """`` (did you mean 'x'?)`` for the nearest known name, else an empty string."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f" (did you mean '{near[0]}'?)" if near else ""


def whole_locator(locator: str) -> str:
    """A locator that means the same in any folder: ``file.py:NAME`` with the file's whole path."""
    file, colon, name = locator.rpartition(":")
    return f"{Path(file).resolve()}:{name}" if colon and file.endswith(".py") else locator


@contextmanager
def asked_by(option: str, what: str) -> Iterator[None]:
    """A sentence of bad input inside that begins with ``--what`` begins with the option that it was really asked by."""
    try:
        yield
    except InputError as error:
        text = str(error)
        if option == f"--{what}" or not text.startswith(f"--{what} "):
            raise
        raise InputError(option + text.removeprefix(f"--{what}")) from error


class Registry(Generic[T]):
    """Names and what they stand for; every module of its package is imported on the first question.

    ``made_of`` gives the class or function that a file made an item of, by which it is known when the file is loaded
    again.
    """

    def __init__(
        self, what: str, package: str, entry_points: str, made_of: Callable[[T], object] = lambda item: item
    ) -> None:
        self.what = what
        self._made_of = made_of
        self._package = package
        self._group = entry_points
        self._items: dict[str, T] = {}
        self._complete = False

    def add(self, name: str, item: T) -> None:
        """Register; the same object from a reloaded file replaces itself, two different origins collide."""
        old = self._items.get(name)
        mine = _origin(self._made_of(item))
        if old is not None and _origin(self._made_of(old)) != mine:
            theirs = _origin(self._made_of(old))
            raise InputError(f"{self.what} '{name}' is registered twice, by {theirs} and by {mine}: rename one")
        self._items[name] = item

    def _fill(self) -> None:
        if self._complete:
            return
        self._complete = True
        package = importlib.import_module(self._package)
        for module in pkgutil.iter_modules(package.__path__):
            if not module.name.startswith("_"):
                importlib.import_module(f"{self._package}.{module.name}")
        for point in installed_entry_points(group=self._group):
            if point.name not in self._items:
                self.add(point.name, point.load())

    def names(self) -> list[str]:
        self._fill()
        return sorted(self._items)

    def get(self, name: str) -> T:
        """What a name stands for: a registered name, or ``path/to/file.py:NAME``.

        Raises InputError for an unknown name (with the nearest known one) or a file that cannot give it.
        """
        if ".py:" in name:
            return self._from_file(name)
        self._fill()
        if name not in self._items:
            raise InputError(
                f"--{self.what} {name}: no such {self.what}{did_you_mean(name, self.names())}; `lodo list "
                f"{self.what}s` shows all"
            )
        return self._items[name]

    def _from_file(self, locator: str) -> T:
        file, _, attribute = locator.rpartition(":")
        path = Path(file).resolve()
        if not path.is_file():
            raise InputError(f"--{self.what} {locator}: there is no file {path}")
        name = f"lodo_user_{path.stem}"
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        # What lies beside the file can be imported by it, as by a script; what is installed comes first.
        if str(path.parent) not in sys.path:
            sys.path.append(str(path.parent))
        try:
            spec.loader.exec_module(module)
        except InputError:
            raise
        except Exception as error:
            raise InputError(f"--{self.what} {locator}: importing it raised {type(error).__name__}: {error}") from error
        item: Any = getattr(module, attribute, None)
        if item is None:
            public = [key for key in vars(module) if not key.startswith("_")]
            raise InputError(f"--{self.what} {locator}: the file has no {attribute}{did_you_mean(attribute, public)}")
        return item  # type: ignore[no-any-return]


def _origin(item: object) -> str:
    module = sys.modules.get(getattr(item, "__module__", ""), None)
    return f"{getattr(item, '__qualname__', repr(item))} in {getattr(module, '__file__', 'a removed module')}"
