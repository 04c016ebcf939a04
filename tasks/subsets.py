"""Which records of a test set make which subset: the rules of UnTrac Sec. 5.2 and of its public code."""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from lodo.tasks.errors import InputError
from lodo.tasks.registry import did_you_mean
from lodo.tasks.seeds import derive_seed
from lodo.tasks.source import Example, Record
from lodo.tasks.spec import TestSet

FEMALE, MALE = frozenset({"she", "her"}), frozenset({"he", "his", "him"})
PUNCTUATION = ".,;:!?\"'()"


@dataclass(frozen=True)
class Subset:
    """A named part of a test set and how many examples were wanted of it."""

    name: str
    examples: tuple[Example, ...]
    wanted: int


Labelled = Iterable[tuple[str, Example]]


def _toxigen(records: Sequence[Record]) -> Labelled:
    """Toxic prompts of 9 to 24 words, words counted by splitting at single spaces, by target group."""
    for record in records:
        if record.get("prompt_label", 1) != 1 or record.get("label_basis", "prompt_label") != "prompt_label":
            continue
        if 9 <= len(record["text"].split(" ")) <= 24:
            yield record["group"], Example("", record["text"])


def _winobias(records: Sequence[Record]) -> Labelled:
    """By type and pronoun; sentences with pronouns of both genders or of neither are dropped."""
    for record in records:
        words = {word.strip(PUNCTUATION).lower() for word in record["text"].split()}
        female, male = bool(words & FEMALE), bool(words & MALE)
        if female != male:
            yield f"{record['type']}_{'female' if female else 'male'}", Example("", record["text"])


def _truthfulqa(records: Sequence[Record]) -> Labelled:
    """Every incorrect answer with its question; the Confusion and Indexical Error categories are each merged."""
    for record in records:
        category = record["category"].lower()
        for merged in ("confusion", "indexical error"):
            if category.startswith(merged):
                category = merged.replace(" ", "_")
        for answer in record["incorrect_answers"]:
            yield category, Example(record["question"], f" {answer}")


def _labelled(records: Sequence[Record]) -> Labelled:
    """By the label that each record carries."""
    for record in records:
        yield str(record["subset"]), Example(record.get("prompt") or "", record["text"])


@dataclass(frozen=True)
class Rule:
    """How records become examples of named subsets.

    Attributes:
        read: gives (subset, example) for each that it keeps.
        columns: that every record must have filled.
        kept: in words, what it keeps.
        optional: columns that a record may have.
        lists: those of ``columns`` that hold a list of texts; all others hold a text.
        large_only: subsets with fewer than ``min_pairs`` examples are left out.
    """

    read: Callable[[Sequence[Record]], Labelled]
    columns: tuple[str, ...]
    kept: str
    optional: tuple[str, ...] = ()
    lists: frozenset[str] = frozenset()
    large_only: bool = False


RULES: Mapping[str, Rule] = {
    "toxigen": Rule(
        _toxigen,
        ("text", "group"),
        "sentences with prompt_label 1 and 9 to 24 words",
        optional=("prompt_label", "label_basis"),
    ),
    "winobias": Rule(_winobias, ("text", "type"), "sentences with pronouns of one gender"),
    "truthfulqa": Rule(
        _truthfulqa,
        ("question", "incorrect_answers", "category"),
        "question-answer pairs",
        lists=frozenset({"incorrect_answers"}),
        large_only=True,
    ),
    "labelled": Rule(_labelled, ("text", "subset"), "records", optional=("prompt",)),
}


def rule_named(name: str, where: str) -> Rule:
    """A rule by its name; raises InputError, which begins with ``where``, for a name that is none."""
    if name not in RULES:
        known = ", ".join(RULES)
        raise InputError(f"{where}: there is no rule '{name}'{did_you_mean(name, list(RULES))}; name one of {known}")
    return RULES[name]


def renamed(record: Record, columns: Iterable[tuple[str, str]]) -> Record:
    """A record with its columns under the names that the rule knows; ``columns`` as in `TestFile`."""
    pairs = tuple(columns)
    # A column that is read under another name is not read under its own too.
    taken = {name for pair in pairs for name in pair}
    kept = {name: value for name, value in record.items() if name not in taken}
    return {**kept, **{ours: record[theirs] for ours, theirs in pairs if theirs in record}}


def draw_subsets(test: TestSet, records: Sequence[Record]) -> tuple[Subset, ...]:
    """The subsets of a test set by its rule, sorted by name, each of at most its size, drawn once and for all.

    Raises InputError where there is no such rule, or where it leaves no subset.
    """
    rule = rule_named(test.rule, f"test set '{test.name}'")
    groups: dict[str, list[Example]] = {}
    for name, example in rule.read([renamed(record, test.columns) for record in records]):
        groups.setdefault(name, []).append(example)
    least = test.min_pairs if rule.large_only else 1
    size = test.subset_size
    subsets = []
    for name in sorted(groups):
        examples = groups[name]
        if len(examples) < least:
            continue
        if len(examples) > size:
            rng = random.Random(derive_seed("test draw", test.name, name))
            examples = [examples[index] for index in sorted(rng.sample(range(len(examples)), size))]
        subsets.append(Subset(name, tuple(examples), size))
    if not subsets:
        most = max(map(len, groups.values()), default=0)
        enough = f" and no category has {least} of them (the largest has {most})" if least > 1 and most else ""
        raise InputError(
            f"test set '{test.name}' has no subset with an example: of its {len(records)} records none is left by the "
            f"rule '{test.rule}', which keeps {rule.kept}{enough}; see the layout in the README"
        )
    return tuple(subsets)
