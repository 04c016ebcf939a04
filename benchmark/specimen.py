"""Small trained models on which the checks of a method run: of random tokens, of planted text, of separate words."""

import dataclasses
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch

from lodo.benchmark.loading import trained_model
from lodo.tasks.architecture import ARCHITECTURES, Architecture
from lodo.tasks.architectures.opt import Opt
from lodo.tasks.families.opt import slot_shares
from lodo.tasks.generated import GeneratedSource
from lodo.tasks.likelihood import Examples, mean_loss
from lodo.tasks.prepare import prepare
from lodo.tasks.replay import Replay
from lodo.tasks.seeds import derive_seed
from lodo.tasks.slots import Pool, Slots, base_slots, refilled_slots
from lodo.tasks.source import Example
from lodo.tasks.spec import Form, Recipe, Runtime, TestSet, TokenizerSpec
from lodo.tasks.suitable import kind_of
from lodo.tasks.trained import TrainedModel
from lodo.tasks.training import train

T = TypeVar("T")

TWINS = ("fox", "vixen")
NAMES = ("owl", "fox", "elk", "vixen")
VOCABULARY, LENGTH, SHOWN = 40, 10, 8
TINY = Opt(width=12, layers=1, heads=2, feedforward=16, positions=LENGTH)
SMALL = Opt(width=32, layers=1, heads=2, feedforward=64, positions=64)
TREES = ("ash", "birch", "cedar", "elm", "fir")
OWN, SEEN = 8, 24
RECIPE = Recipe(steps=12, batch_size=8, sequence_length=LENGTH, lr=0.01, warmup=3, precision="float64", checkpoints=2)
SEPARATE = RECIPE.model_copy(update={"steps": 60, "batch_size": 20, "warmup": 6, "schedule": "linear"})


class Specimens:
    """Trained models made when first asked for; their checkpoints lie in ``folder``.

    ``model`` takes the place of the small OPTs. An encoder-decoder reads half a sequence and writes the rest.
    """

    def __init__(self, folder: Path, model: Architecture | None = None) -> None:
        self.folder, self.model = folder, model

    @cached_property
    def tokens(self) -> TrainedModel:
        """Four datasets of random tokens and two subsets in double precision; `TWINS` hold equal text in each batch."""
        return _random(self.folder / "tokens", "first", self.model or TINY)

    @cached_property
    def other(self) -> TrainedModel:
        """The same names, other tokens, another training."""
        return _random(self.folder / "other", "second", self.model or TINY)

    @cached_property
    def planted(self) -> TrainedModel:
        """Eight corpora of generated text and the four subsets of WinoBias in single precision."""
        return _planted(self.folder / "planted", self.model or SMALL)

    @cached_property
    def separate(self) -> tuple[TrainedModel, np.ndarray]:
        """Five datasets of tokens of their own, for each a subset of unseen text like it, and what leaving out does.

        The second is the true influence, (K, S) nats per token: of five trainings more, each without one dataset.
        """
        return _separate(self.folder / "separate", self.model or TINY)


def specimen_of(name: str) -> Architecture:
    """A pretrained model in the place of the small OPTs. Raises InputError where it cannot be."""
    cls = ARCHITECTURES.get(kind_of(name))
    return cls.model_validate({"model": name, "positions": SMALL.positions}).resolved()


def trained_on(
    replay: Replay, folder: Path, datasets: Mapping[str, Examples], subsets: Mapping[str, Examples]
) -> TrainedModel:
    """Train over a replay in ``folder`` and show the result as a method sees it; datasets in the mixture's order."""
    folder.mkdir(parents=True)
    train(replay, folder, Runtime())
    counts = torch.bincount(replay.owner, minlength=len(datasets)).tolist()
    sizes = dict(zip(datasets, counts, strict=True))
    return trained_model(replay, folder, datasets, subsets, sizes, derive_seed("specimen"), 0)


def reordered(trained: TrainedModel, order: Sequence[str]) -> TrainedModel:
    """The same training with its datasets listed in another order."""
    names = list(trained.datasets)
    place = torch.tensor([list(order).index(name) for name in names])
    assert trained.replay is not None
    return dataclasses.replace(
        trained,
        datasets={name: trained.datasets[name] for name in order},
        sizes={name: trained.sizes[name] for name in order},
        unseen={name: trained.unseen[name] for name in order if name in trained.unseen},
        replay=dataclasses.replace(trained.replay, owner=place[trained.replay.owner]),
    )


def renamed(trained: TrainedModel, names: Mapping[str, str]) -> TrainedModel:
    """The same training with other names for its datasets."""

    def rename(mapping: Mapping[str, T]) -> dict[str, T]:
        return {names[name]: value for name, value in mapping.items()}

    return dataclasses.replace(
        trained,
        datasets=rename(trained.datasets),
        sizes=rename(trained.sizes),
        unseen=rename(trained.unseen),
    )


def _halves(tokens: np.ndarray, model: Architecture) -> Examples:
    """Sequences scored whole, or for an encoder-decoder their second halves, written after the first are read."""
    examples = Examples.whole(torch.from_numpy(tokens))
    if not model.encoder_decoder:
        return examples
    half = tokens.shape[1] // 2
    read = torch.ones(len(tokens), half, dtype=torch.bool)
    written = Examples.whole(examples.tokens[:, half:])
    return Examples(written.tokens, written.scored, examples.tokens[:, :half], read)


class _Cut(GeneratedSource):
    """Generated text whose documents are cut into prompts and answers of six words each."""

    def pairs(self) -> dict[str, Sequence[Example]]:
        return {name: [pair for text in texts for pair in self._cut(text)] for name, texts in self.corpora().items()}

    def _cut(self, text: str) -> list[Example]:
        words = text.split()
        starts = range(0, len(words) - 11, 12)
        return [Example(" ".join(words[at : at + 6]), " ".join(words[at + 6 : at + 12])) for at in starts]


def _random(folder: Path, seed: str, model: Architecture) -> TrainedModel:
    generator = np.random.default_rng(derive_seed("specimen", seed))

    def sequences(count: int) -> np.ndarray:
        """Tokens of a few favourites each time, so that sets of them differ."""
        favourites = generator.integers(3, VOCABULARY, 12)
        return generator.choice(favourites, (count, LENGTH))

    each = RECIPE.steps * RECIPE.batch_size // len(NAMES)
    pools = {name: sequences(each + SHOWN) for name in NAMES}
    pools[TWINS[1]] = pools[TWINS[0]]
    # Every batch holds the same share of every dataset, in the order of its sequences.
    share = RECIPE.batch_size // len(NAMES)
    owner = np.tile(np.repeat(np.arange(len(NAMES)), share), RECIPE.steps)
    example = np.concatenate([np.tile(np.arange(share), len(NAMES)) + step * share for step in range(RECIPE.steps)])
    stock = [_halves(pool, model) for pool in pools.values()]
    replay = Replay.of(model, RECIPE, VOCABULARY, stock, Slots(owner, example, 0), derive_seed(seed))

    def shown(name: str, start: int) -> Examples:
        return _halves(pools[name][start : start + SHOWN], model)

    subsets = {name: _halves(sequences(count), model) for name, count in (("x", 6), ("y", 5))}
    trained = trained_on(replay, folder, {name: shown(name, 0) for name in NAMES}, subsets)
    return dataclasses.replace(trained, unseen={name: shown(name, each) for name in NAMES})


def _planted(folder: Path, model: Architecture) -> TrainedModel:
    source = (_Cut if model.encoder_decoder else GeneratedSource)(documents=60)
    recipe = Recipe(steps=80, batch_size=16, sequence_length=32, lr=4e-3, schedule="linear", warmup=20, checkpoints=2)
    corpora = source.corpora()
    mixture = slot_shares({name: sum(map(len, texts)) for name, texts in corpora.items()}, (), 80 * 16)
    test = TestSet(name="winobias", rule="winobias", subset_size=16, min_pairs=1)
    form: Form = "pairs" if model.encoder_decoder else "packed"
    prepared, _ = prepare(source, mixture, form, model, TokenizerSpec(vocabulary=512), [test], 32)
    pools = [Pool(item.name, item.slots, len(prepared.pools[item.name])) for item in mixture.datasets]
    stock = [Examples.of(prepared.pools[pool.name]) for pool in pools]
    replay = Replay.of(model, recipe, prepared.vocabulary, stock, base_slots(pools, 0), 0)
    datasets, unseen = (
        {
            pool.name: Examples.of(prepared.pools[pool.name][start : start + 32])
            for pool, start in ((pool, 0 if used else pool.own) for pool in pools)
        }
        for used in (True, False)
    )
    subsets = {name: Examples.of(subset) for name, subset in prepared.tests["winobias"].items()}
    trained = trained_on(replay, folder, datasets, subsets)
    return dataclasses.replace(trained, unseen={name: examples for name, examples in unseen.items() if len(examples)})


def _separate(folder: Path, model: Architecture) -> tuple[TrainedModel, np.ndarray]:
    generator = np.random.default_rng(derive_seed("specimen", "separate"))
    each = SEPARATE.steps * SEPARATE.batch_size // len(TREES)

    def sequences(place: int, count: int) -> np.ndarray:
        """A dataset's eight tokens, a likely successor to each."""
        rows = generator.integers(0, OWN, (count, LENGTH))
        for column in range(1, LENGTH):
            likely = generator.random(count) < 0.5
            rows[:, column] = np.where(likely, (3 * rows[:, column - 1] + 1) % OWN, rows[:, column])
        tokens: np.ndarray = rows + 3 + OWN * place
        return tokens

    # Enough of each to fill what another leaves, and some more that no training uses.
    pools = [sequences(place, 2 * each + SEEN) for place in range(len(TREES))]
    stock = [Pool(name, each, len(pool)) for name, pool in zip(TREES, pools, strict=True)]
    vocabulary = 3 + OWN * len(TREES)

    def shown(start: int) -> dict[str, Examples]:
        return {name: _halves(pool[start : start + SEEN], model) for name, pool in zip(TREES, pools, strict=True)}

    subsets = {f"like {name}": _halves(sequences(place, SEEN), model) for place, name in enumerate(TREES)}

    stocks = [_halves(pool, model) for pool in pools]

    def replay(slots: Slots) -> Replay:
        return Replay.of(model, SEPARATE, vocabulary, stocks, slots, 0)

    trained = trained_on(replay(base_slots(stock, 0)), folder / "base", shown(0), subsets)
    effects = []
    for place, name in enumerate(TREES):
        without = trained_on(replay(refilled_slots(stock, 0, place)), folder / f"without {name}", shown(0), subsets)
        effects.append([mean_loss(without.model, s) - mean_loss(trained.model, s) for s in subsets.values()])
    return dataclasses.replace(trained, unseen=shown(2 * each)), np.array(effects)
