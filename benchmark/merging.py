"""A run into a folder that holds one: the union of both, or in one sentence why there is none."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lodo.benchmark.choosing import asked, owners
from lodo.benchmark.config import OPTIONS_FILE
from lodo.benchmark.identity import code_of, root_of
from lodo.benchmark.jobs import MethodChoice
from lodo.benchmark.plan import Plan
from lodo.benchmark.record import OutRecord, RunRecord, check_out
from lodo.benchmark.request import Request
from lodo.methods.select import build_method, method_class
from lodo.tasks.errors import InputError
from lodo.tasks.family import FAMILIES
from lodo.tasks.registry import whole_locator
from lodo.tasks.spec import canonical_json, digest


@dataclass(frozen=True)
class Joined:
    """A request with what its out folder holds already.

    Attributes:
        request: the union.
        before: what the folder says of itself, None for a new one.
        held: the finished run in the union, None where there is none or it is to be replaced.
        merged: what the union has beyond what was asked for, in words; "" where nothing.
    """

    out: Path
    request: Request
    before: OutRecord | None
    held: RunRecord | None
    merged: str

    @property
    def store(self) -> str | None:
        """Where the work of the folder lies so far."""
        return self.before.store if self.before else None

    @property
    def sentence(self) -> str:
        """What a person is told of the union; "" where it is what was asked for."""
        told = []
        if self.merged:
            told.append(f"merged with the run in {self.out}, which has beside what is asked for: {self.merged}")
        started = self.before.started if self.before else None
        given_up = sorted(started.methods.keys() - {choice.name for choice in self.request.methods}) if started else ()
        if given_up:
            told.append(f"not taken up again from an unfinished run: methods {', '.join(given_up)} (--add-method does)")
        return "; ".join(told)

    def check(self, plan: Plan) -> None:
        """Raise InputError where a task of the finished run is another one in the plan of the union."""
        planned = {task.name: task for task in plan.tasks}
        for name, recorded in (self.held.tasks if self.held else {}).items():
            task = planned.get(name)
            if task is None:
                raise _refusal(self.out, f"{name} is no longer there")
            if recorded.text != plan.infos[task].key:
                raise _refusal(self.out, f"the text of {name} differs, or what prepares it")
            if recorded.task != digest(task):
                raise _refusal(self.out, f"{name} is another task there (its family or its settings have changed)")


def join(request: Request, out: Path, replace: bool = False) -> Joined:
    """The union of a request with the finished run in its out folder; with ``replace`` the request alone.

    United are methods, tasks, and the numbers of seeds and runs. Raises InputError where the folder holds something
    else, or both cannot be in one table.
    """
    before = check_out(out, replace)
    if before and before.sweep is not None:
        raise InputError(f"--out {out}: it holds a sweep; name another folder")
    held = before.finished if before and not replace else None
    if held is None:
        return Joined(out, request, before, None, "")
    for difference in _differences(request, held):
        raise _refusal(out, difference)
    methods = _methods(request, held, out)
    files = _families(request, held, out)
    wanted = asked(request)
    # A family that is asked for stands for all its tasks.
    others = [name for name in held.tasks if not {name, name.partition("/")[0]} & {*wanted}]
    union = dataclasses.replace(
        request,
        tasks=(*wanted, *others),
        added=(),
        files=files,
        methods=(*request.methods, *methods),
        seeds=max(request.seeds, held.seeds),
        runs=max(request.runs, held.runs),
        throughput=request.throughput or held.throughput,
        memory_checks=request.memory_checks or held.memory_checks,
    )
    return Joined(out, union, before, held, "; ".join(_news(request, union, others)))


def _refusal(out: Path, difference: str) -> InputError:
    options = out / OPTIONS_FILE
    take = f"take that run's options with --config {options}, " if options.is_file() else ""
    return InputError(
        f"--out {out}: it belongs to another run: {difference}; name another folder, {take}or give --replace"
    )


def _differences(request: Request, held: RunRecord) -> Iterator[str]:
    """What keeps both out of one table, as far as it is known before any text is read."""
    if held.scale != request.scale:
        yield f"scale {held.scale}, now {request.scale}"
    if held.definition != request.definition:
        yield f"definition {held.definition}, now {request.definition}"
    for name in ("device", "threads", "compile"):
        then, here = getattr(held.runtime, name), getattr(request.runtime, name)
        if then != here:
            yield f"{name} {then}, now {here}"
    for key in sorted(held.changes.keys() | request.changes.keys()):
        then, here = held.changes.get(key), request.changes.get(key)
        if then != here:
            yield f"--set {key}{f'={then}' if then is not None else ' not set'}, now {here or 'not set'}"
    if held.text and None in owners(request) and held.text != request.source.fingerprint():
        yield "its text differs (--data, --text-seed, or what is in the files)"


def _methods(request: Request, held: RunRecord, out: Path) -> list[MethodChoice]:
    """The methods of the finished run that are not asked for, as they were."""
    here = {choice.name: choice for choice in request.methods}
    there = []
    for name, recorded in held.methods.items():
        if name in here:
            values = canonical_json(here[name].method.hyperparameters)
            if values != canonical_json(recorded.hyperparameters):
                then, now = dict(recorded.hyperparameters), here[name].method.hyperparameters
                changed = ", ".join(
                    f"{key}={then.get(key)}, now {now[key]}" for key in now if now[key] != then.get(key)
                )
                raise _refusal(out, f"method '{name}' with {changed}")
            if whole_locator(here[name].locator) != recorded.locator:
                raise _refusal(out, f"method '{name}' from {recorded.locator}, now from {here[name].locator}")
            continue
        _must_be_there(f"method '{name}'", recorded.locator, out)
        try:
            cls = method_class(recorded.locator)
            for module, how in cls.missing().items():
                raise InputError(f"it needs '{module}', which is not installed; {how}")
            method = build_method(recorded.locator, recorded.hyperparameters)
        except InputError as error:
            raise _unusable(f"method '{name}'", out, error) from error
        there.append(MethodChoice(recorded.locator, method, code_of(root_of(cls, recorded.locator))))
    return there


def _families(request: Request, held: RunRecord, out: Path) -> dict[str, str]:
    """By family, the file that it came from, of both runs; those of the finished one are loaded."""
    files = dict(request.files)
    for family, locator in held.files.items():
        if family not in files:
            _must_be_there(f"task family '{family}'", locator, out)
            try:
                FAMILIES.get(locator)
            except InputError as error:
                raise _unusable(f"task family '{family}'", out, error) from error
            files[family] = locator
    return files


def _must_be_there(what: str, locator: str, out: Path) -> None:
    file = locator.rpartition(":")[0]
    if ".py:" in locator and not Path(file).is_file():
        raise InputError(
            f"--out {out}: its {what} came from {locator}, which is no longer there; put the file back, or give "
            "--replace to leave out what only the earlier run has"
        )


def _unusable(what: str, out: Path, error: InputError) -> InputError:
    return InputError(
        f"--out {out}: its {what} cannot be had any more ({error}); mend that, or give --replace to leave out what "
        "only the earlier run has"
    )


def _news(request: Request, union: Request, tasks: list[str]) -> Iterator[str]:
    """What a union has beyond what was asked for."""
    names = [choice.name for choice in union.methods[len(request.methods) :]]
    for what, each in (("methods", names), ("tasks", tasks)):
        if each:
            yield f"{what} {', '.join(each)}"
    for what in ("seeds", "runs"):
        count = getattr(union, what)
        if count != getattr(request, what):
            yield f"{count} {what}"
    if union.throughput != request.throughput:
        yield "the training's speed"
    if union.memory_checks != request.memory_checks:
        yield "memory checks"
