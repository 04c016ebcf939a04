"""Task families: a name, its settings by scale and kind of text, and a function that builds one task per test set."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import ValidationError

from lodo.tasks.errors import InputError
from lodo.tasks.registry import Registry, did_you_mean
from lodo.tasks.source import Source
from lodo.tasks.spec import (
    Frozen,
    ModelSpec,
    Positive,
    Recipe,
    Scale,
    Shown,
    Task,
    TestFile,
    TestSet,
    TextKind,
    TokenizerSpec,
)


class Settings(Frozen):
    """What a scale fixes: sizes and steps, never definitions.

    ``examples`` is the number of training examples of each dataset that a method sees in a run, or ``all`` that the
    dataset gave the training.
    """

    tokenizer: TokenizerSpec
    model: ModelSpec
    recipe: Recipe
    subset_size: Positive
    min_pairs: Positive
    examples: Shown

    def changed(self, changes: Mapping[str, str]) -> "Settings":
        """With options such as ``recipe.steps=60`` or ``task.examples=32`` put in; raises InputError on a bad one."""
        fields = self.model_dump()
        for key, text in changes.items():
            group, _, field = key.partition(".")
            target = fields if group == "task" else fields.get(group)
            known = sorted(
                name for name, value in (target or {}).items() if not (group == "task" and isinstance(value, dict))
            )
            if not isinstance(target, dict) or field not in known:
                raise InputError(
                    f"--set {key}={text}: there is no {field or 'such field'} in {group}"
                    f"{did_you_mean(field, known)}; it has {', '.join(known)}"
                )
            target[field] = None if text == "none" else text
        try:
            return Settings.model_validate(fields)
        except ValidationError as error:
            first = error.errors()[0]
            raise InputError(f"--set {'.'.join(map(str, first['loc']))}: {first['msg']}") from error


class Build(Protocol):
    """Builds the task of a family for one test set.

    ``source`` is the kind of source, which a task names; ``corpora`` maps corpus names to their characters of text.
    """

    def __call__(
        self, test: TestSet, scale: Scale, source: str, corpora: Mapping[str, int], settings: Settings
    ) -> Task: ...


@dataclass(frozen=True)
class Family:
    """A registered task family; its tasks are named ``family/test set``.

    Attributes:
        settings: by scale and what the text is.
        build: builds a task.
        default: they run without being named, if they are lodo's own.
        scored: they may be; on others hyperparameters are tuned, on text of another planting, and a table of scores
            never holds them.
        own_text: opens the text that the family brings along for a scale; its tasks are made of that and of no other.
    """

    name: str
    settings: Mapping[tuple[Scale, TextKind], Settings]
    build: Build
    default: bool = True
    scored: bool = True
    own_text: Callable[[Scale], Source] | None = None

    @property
    def is_lodos(self) -> bool:
        """Whether it is one of lodo's; others run when they are named or added."""
        return self.build.__module__.startswith("lodo.")

    @property
    def scales(self) -> tuple[Scale, ...]:
        """At which it has settings for any text."""
        return tuple(dict.fromkeys(scale for scale, _ in self.settings))

    @property
    def summary(self) -> str:
        """The first line of what its build function says of itself, "" where it says nothing."""
        return (self.build.__doc__ or "").strip().partition("\n")[0]

    def offers(self, scale: Scale, text: TextKind) -> bool:
        """Whether it has settings for such text at a scale."""
        return (scale, text) in self.settings

    def source(self, scale: Scale) -> Source:
        """The text that it brings along. Raises InputError where it has no settings at the scale, or opening fails."""
        assert self.own_text is not None
        if scale not in self.scales:
            has = ", ".join(self.scales)
            raise InputError(f"--scale {scale}: {self.name} has no settings at scale {scale}; it has {has}")
        try:
            return self.own_text(scale)
        except InputError:
            raise
        except Exception as error:
            raise InputError(
                f"{self.name}: opening its own text raised {type(error).__name__}: {error}; mend its own_text"
            ) from error

    def task(
        self,
        test: str,
        file: TestFile,
        scale: Scale,
        source: Source,
        corpora: Mapping[str, int],
        changes: Mapping[str, str],
    ) -> Task:
        """The family's task on a test set of a source.

        Raises InputError where the family has no settings for such text at the scale, or a change is bad.
        """
        if not self.offers(scale, source.text):
            has = ", ".join(f"{text} text at {scale}" for scale, text in self.settings)
            raise InputError(
                f"--scale {scale}: {self.name} has no settings for {source.text} text at scale {scale}; it has {has}"
            )
        settings = self.settings[scale, source.text].changed(changes)
        settings = settings.model_copy(update={"model": settings.model.resolved()})
        test_set = TestSet.of(test, file, settings.subset_size, settings.min_pairs)
        try:
            task = self.build(test_set, scale, source.kind, corpora, settings)
        except ValidationError as error:
            raise InputError(f"{self.name}/{test}: {error.errors()[0]['msg']}") from error
        # By its name its family is known, and by that its text.
        if (task.name, task.test_set.name) != (f"{self.name}/{test}", test):
            raise InputError(
                f"{self.name} built the task '{task.name}' on test set '{task.test_set.name}'; name it "
                f"{self.name}/{test}, with the test set that the function is given"
            )
        return task


FAMILIES: Registry[Family] = Registry(
    "task", package="lodo.tasks.families", entry_points="lodo.tasks", made_of=lambda family: family.build
)


def register_family(
    name: str,
    settings: Mapping[tuple[Scale, TextKind], Settings],
    default: bool = True,
    scored: bool = True,
    own_text: Callable[[Scale], Source] | None = None,
) -> Callable[[Build], Any]:
    """Decorator that registers a build function as the task family ``name``; see `Family`."""

    def put(build: Build) -> Family:
        family = Family(name, settings, build, default and scored, scored, own_text)
        FAMILIES.add(name, family)
        return family

    return put
