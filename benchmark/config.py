"""Options of a command in a TOML file: read before the command's own, and written into its out folder."""

import json
import tomllib
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

import typer

from lodo.tasks.errors import InputError
from lodo.tasks.registry import did_you_mean, whole_locator

OPTIONS_FILE = "run.toml"
# What is asked for once, and is no part of what the run is.
ONCE = frozenset({"config", "replace", "retry", "dry_run", "on", "json", "quiet"})
# Its entries are settings of their own: those of the command line join those of the file, and win one by one.
JOINED = "set"


def take_config(context: typer.Context, path: Path | None) -> Path | None:
    """A callback of ``--config``: what the file says becomes the default of the other options.

    Raises InputError for a file that is not there or no TOML, an unknown key, or a value that the option refuses.
    """
    if path is None or context.resilient_parsing:
        return path
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"--config {path}: {error.strerror}; name a TOML file with options of this command") from None
    except ValueError as error:
        raise InputError(f"--config {path}: no TOML ({error}); mend the file") from None
    known = {name.lstrip("-"): param for param in context.command.params for name in (*param.opts, *_negative(param))}
    defaults: dict[str, Any] = {}
    for key, value in content.items():
        param = known.get(key)
        if param is None or param.name in ("config", "help"):
            names = [name for name in known if name not in ("config", "help")]
            raise InputError(f"--config {path}: no option is called '{key}'{did_you_mean(key, names)}; mend the key")
        if f"--{key}" in _negative(param) and isinstance(value, bool):
            value = not value
        defaults[str(param.name)] = _checked(context, param, value, f"--config {path}: {key}")
    context.obj = defaults.pop(JOINED, [])
    context.default_map = {**(context.default_map or {}), **defaults}
    return path


def _negative(param: Any) -> Sequence[str]:
    return param.secondary_opts or ()


def _checked(context: typer.Context, param: Any, value: Any, where: str) -> Any:
    """A value of the file as the option takes it. Raises InputError."""
    wanted = "a list" if param.multiple else "true or false" if getattr(param, "is_flag", False) else "one value"
    fits = {
        "a list": isinstance(value, list) and not any(isinstance(each, list | dict) for each in value),
        "true or false": isinstance(value, bool),
        "one value": not isinstance(value, list | dict | bool),
    }
    if not fits[wanted]:
        raise InputError(f"{where} = {json.dumps(value, default=str)}: it takes {wanted}; mend the value")
    text = [str(each) for each in value] if param.multiple else value if isinstance(value, bool) else str(value)
    try:
        param.process_value(context, text)
    except typer.BadParameter as error:
        raise InputError(f"{where} = {json.dumps(value, default=str)}: {error.message}") from None
    return text


def joined_settings(context: typer.Context, settings: Sequence[str] | None) -> list[str]:
    """``--set`` of the file, then those of the command line, which count where both have a key."""
    return [*(context.obj or ()), *(settings or ())]


def given_options(context: typer.Context) -> dict[str, Any]:
    """What a command was given, by its file or on its line, as it stands in a file; paths are whole."""
    given: dict[str, Any] = {}
    for param in context.command.params:
        name = str(param.name)
        value = joined_settings(context, context.params[name]) if name == JOINED else context.params.get(name)
        source = context.get_parameter_source(name)
        told = name == JOINED or (source is not None and source.name in ("COMMANDLINE", "DEFAULT_MAP"))
        if name not in ONCE and told and value not in (None, [], ()):
            given[param.opts[0].lstrip("-")] = _as_written(name, value)
    return given


def _as_written(name: str, value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_as_written(name, each) for each in value]
    if isinstance(value, Path) or (name == "model" and Path(value).exists()):
        return str(Path(value).resolve())
    if isinstance(value, Enum):
        return value.value
    if name in ("task", "add_task"):
        file, suffix, rest = str(value).rpartition(".py:")
        return f"{Path(f'{file}.py').resolve()}:{rest}" if suffix else value
    return whole_locator(value) if isinstance(value, str) and name != JOINED else value


def write_options(out: Path, options: Mapping[str, Any]) -> None:
    """Write options into an out folder so that ``--config`` takes them."""
    lines = ["# The options of the last run into this folder: lodo run --config run.toml does it again."]
    lines += [f"{key} = {_toml(value)}" for key, value in options.items()]
    out.mkdir(parents=True, exist_ok=True)
    (out / OPTIONS_FILE).write_text("\n".join(lines) + "\n", encoding="utf-8")


def _toml(value: Any) -> str:
    # What JSON writes of texts, numbers, truth and lists is TOML, but for one character.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
