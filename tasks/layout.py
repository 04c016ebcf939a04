"""A data folder's lodo.toml: which rule reads a test file, else the one whose columns it has; the text's licence."""

import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from lodo.tasks.errors import InputError
from lodo.tasks.registry import did_you_mean
from lodo.tasks.spec import TestFile
from lodo.tasks.subsets import RULES, rule_named

LAYOUT = "lodo.toml"
KEYS = ("licence", "tests")


def read_layout(root: Path, names: Collection[str]) -> dict[str, TestFile]:
    """What a folder's lodo.toml says of its test files ``names``; nothing where there is none.

    Raises InputError naming the file and the key for what is no TOML, an unknown key, test file, rule or column.
    """
    path = root / LAYOUT
    tests = _table(f"{path}, tests", _content(path).get("tests", {}))
    return {name: _test_file(f"{path}, tests.{name}", name, entry, names) for name, entry in tests.items()}


def read_licence(root: Path) -> str:
    """The licence that a folder's lodo.toml states, in its words; "" where it states none.

    Raises InputError for what is no TOML, an unknown key, or a licence that is no text.
    """
    licence: str = _content(root / LAYOUT).get("licence", "")
    return licence.strip()


def _content(path: Path) -> Mapping[str, Any]:
    """What a lodo.toml holds; nothing where there is none."""
    if not path.is_file():
        return {}
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: it is no TOML ({error}); mend or remove it") from None
    _check_keys(f"{path}", content, KEYS)
    licence = content.get("licence", "")
    if not isinstance(licence, str):
        raise InputError(f'{path}, licence: {licence!r} is no text; write it as licence = "CC BY 4.0"')
    return content


def _test_file(where: str, name: str, entry: Any, names: Collection[str]) -> TestFile:
    if name not in names:
        raise InputError(
            f"{where}: there is no such test file{did_you_mean(name, list(names))}; tests/ has {', '.join(names)}"
        )
    _check_keys(where, _table(where, entry), ("rule", "columns"))
    if not isinstance(entry.get("rule"), str):
        raise InputError(f"{where}.rule: it is missing or no text; name one of {', '.join(RULES)}")
    rule = rule_named(entry["rule"], f"{where}.rule")
    columns = _table(f"{where}.columns", entry.get("columns", {}))
    _check_keys(f"{where}.columns", columns, (*rule.columns, *rule.optional))
    for ours, theirs in columns.items():
        if not isinstance(theirs, str):
            raise InputError(f"{where}.columns.{ours}: {theirs!r} is no text; name a column of the file")
    return TestFile(rule=entry["rule"], columns=tuple(columns.items()))


def _table(where: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"{where}: {value!r} is no table; see the layout in the README")
    return value


def _check_keys(where: str, table: Mapping[str, Any], known: Collection[str]) -> None:
    for key in table:
        if key not in known:
            has = ", ".join(known)
            raise InputError(f"{where}: there is no key '{key}'{did_you_mean(key, list(known))}; it has {has}")


def check_columns(file: TestFile, path: Path, columns: Collection[str]) -> None:
    """Raise InputError where the test file ``path`` has not the columns that lodo.toml reads it by."""
    renamed = dict(file.columns)
    for ours in (*RULES[file.rule].columns, *renamed):
        theirs = renamed.get(ours, ours)
        if theirs not in columns:
            where = f"{path.parent.parent / LAYOUT}, tests.{path.stem}.columns.{ours}"
            near = did_you_mean(theirs, list(columns))
            raise InputError(
                f"{where}: {path.name} has no column '{theirs}'{near}, which rule '{file.rule}' needs; "
                f"name one of {', '.join(columns)}"
            )


def recognised(path: Path, columns: Collection[str]) -> TestFile:
    """The rule whose columns a test file has. Raises InputError where none has, or several have."""
    fitting = [name for name, rule in RULES.items() if set(rule.columns) <= set(columns)]
    if len(fitting) == 1:
        return TestFile(rule=fitting[0])
    entry = f"name its rule in {path.parent.parent / LAYOUT} under [tests.{path.stem}]"
    if fitting:
        raise InputError(f"{path}: it has the columns of several rules, {' and '.join(fitting)}; {entry}")
    wanted = "; ".join(f"{name} reads {', '.join(rule.columns)}" for name, rule in RULES.items())
    raise InputError(
        f"{path}: it has the columns of no rule (it has {', '.join(columns)}; {wanted}); rename its columns, or "
        f"{entry} and its columns"
    )
