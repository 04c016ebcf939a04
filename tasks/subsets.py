"""Which records of a test set make which subset: the rules of UnTrac Sec. 5.2 and of its public code."""

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from lodo.tasks.errors import InputError
from lodo.tasks.seeds import derive_seed
from lodo.tasks.source import Example, Record

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


def _generic(records: Sequence[Record]) -> Labelled:
    for record in records:
        yield str(record["subset"]), Example(record.get("prompt") or "", record["text"])


RULES: dict[str, tuple[Callable[[Sequence[Record]], Labelled], tuple[str, ...], str]] = {
    "toxigen": (_toxigen, ("text", "group"), "sentences with prompt_label 1 and 9 to 24 words"),
    "winobias": (_winobias, ("text", "type"), "sentences with pronouns of one gender"),
    "truthfulqa": (_truthfulqa, ("question", "incorrect_answers", "category"), "question-answer pairs"),
}
GENERIC = (_generic, ("text", "subset"), "records")


def columns_needed(test_name: str) -> tuple[str, ...]:
    """The columns that a test set's records must have."""
    return RULES.get(test_name, GENERIC)[1]


def draw_subsets(
    test_name: str, records: Sequence[Record], size: int = 256, min_pairs: int = 128
) -> tuple[Subset, ...]:
    """The subsets of a test set, sorted by name, each of at most ``size`` examples drawn once and for all.

    Args:
        min_pairs: TruthfulQA categories with fewer question-answer pairs are left out.

    Raises:
        InputError: the rule leaves no subset.
    """
    rule, _, kept = RULES.get(test_name, GENERIC)
    groups: dict[str, list[Example]] = {}
    for name, example in rule(records):
        groups.setdefault(name, []).append(example)
    least = min_pairs if test_name == "truthfulqa" else 1
    subsets = []
    for name in sorted(groups):
        examples = groups[name]
        if len(examples) < least:
            continue
        if len(examples) > size:
            rng = random.Random(derive_seed("test draw", test_name, name))
            examples = [examples[index] for index in sorted(rng.sample(range(len(examples)), size))]
        subsets.append(Subset(name, tuple(examples), size))
    if not subsets:
        most = max(map(len, groups.values()), default=0)
        enough = f" and no category has {least} of them (the largest has {most})" if least > 1 and most else ""
        raise InputError(
            f"test set '{test_name}' has no subset with an example: of its {len(records)} records none is left by the "
            f"rule '{kept}'{enough}; see the layout in the README"
        )
    return tuple(subsets)
