"""Pretraining tasks (UnTrac Sec. 5.2): an OPT from scratch on corpora of equal or of different sizes."""

from collections.abc import Mapping, Sequence

from lodo.tasks.architectures.opt import Opt
from lodo.tasks.family import Settings, register_family
from lodo.tasks.slots import apportion
from lodo.tasks.spec import Form, Mixture, Recipe, Scale, Task, TestSet, TextKind, TokenizerSpec, TrainingDataset

# UnTrac Sec. 5.2: 96,000 : 64,000 : 48,000 : 32,000 : 32,000 : 16,000 : 16,000 : 16,000 sequences.
DIFFERENT = (6, 4, 3, 2, 2, 1, 1, 1)

OPT_125M = Opt(width=768, layers=12, heads=12, feedforward=3072, positions=2048, dropout=0.1)

# With the rows of the published model, most of them without a token where the text is generated.
WHOLE_OPT_125M = OPT_125M.model_copy(update={"rows": 50272})
# An OPT-125M on 16.4 M tokens: a minute of one H100 at the share of its peak that is assumed.
HOUR = Recipe(
    steps=1000,
    batch_size=32,
    sequence_length=512,
    lr=6e-4,
    schedule="linear",
    warmup=100,
    precision="bfloat16",
    checkpoints=2,
)

SETTINGS: dict[tuple[Scale, TextKind], Settings] = {
    ("mini", "planted"): Settings(
        tokenizer=TokenizerSpec(vocabulary=1024),
        model=Opt(width=64, layers=2, heads=4, feedforward=256, positions=64),
        recipe=Recipe(
            steps=250, batch_size=32, sequence_length=32, lr=4e-3, schedule="linear", warmup=20, checkpoints=2
        ),
        subset_size=32,
        min_pairs=8,
        examples=250,
    ),
    ("mini", "natural"): Settings(
        tokenizer=TokenizerSpec(vocabulary=2048),
        model=Opt(width=128, layers=2, heads=4, feedforward=512, positions=128),
        recipe=Recipe(
            steps=400, batch_size=16, sequence_length=64, lr=2e-3, schedule="linear", warmup=100, checkpoints=2
        ),
        subset_size=256,
        min_pairs=128,
        examples=200,
    ),
    ("small", "natural"): Settings(
        tokenizer=TokenizerSpec(vocabulary=8192),
        model=Opt(width=512, layers=6, heads=8, feedforward=2048, positions=256),
        recipe=Recipe(
            steps=4000, batch_size=32, sequence_length=256, lr=6e-4, schedule="linear", warmup=200, precision="bfloat16"
        ),
        subset_size=256,
        min_pairs=128,
        examples=1000,
    ),
    ("gpu", "planted"): Settings(
        tokenizer=TokenizerSpec(vocabulary=50265),
        model=WHOLE_OPT_125M,
        recipe=HOUR,
        subset_size=32,
        min_pairs=8,
        examples=250,
    ),
    ("gpu", "natural"): Settings(
        tokenizer=TokenizerSpec(vocabulary=50265),
        model=WHOLE_OPT_125M,
        recipe=HOUR,
        subset_size=256,
        min_pairs=128,
        examples=250,
    ),
    ("paper", "natural"): Settings(
        tokenizer=TokenizerSpec(vocabulary=50265),
        model=OPT_125M,
        recipe=Recipe(steps=40000, batch_size=8, sequence_length=1024, lr=5e-5, schedule="constant"),
        subset_size=256,
        min_pairs=128,
        examples=10000,
    ),
}


def slot_shares(corpora: Mapping[str, int], weights: Sequence[int], slots: int) -> Mixture:
    """Give each corpus its share of the slots: the corpus with the most characters has the first weight, and so on.

    Corpora beyond the weights have weight 1. The mixture lists its datasets by name.
    """
    ranked = sorted(corpora, key=lambda name: (-corpora[name], name))
    padded = [*weights, *[1] * len(ranked)][: len(ranked)]
    shares = dict(zip(ranked, apportion(slots, padded), strict=True))
    return Mixture(datasets=tuple(TrainingDataset(name=name, slots=shares[name]) for name in sorted(shares)))


def pretraining_task(
    family: str,
    weights: Sequence[int],
    test: TestSet,
    scale: Scale,
    source: str,
    corpora: Mapping[str, int],
    settings: Settings,
    form: Form = "packed",
) -> Task:
    """The task of a family whose corpora share the slots by ``weights``."""
    recipe = settings.recipe
    return Task(
        name=f"{family}/{test.name}",
        scale=scale,
        source=source,
        mixture=slot_shares(corpora, weights, recipe.steps * recipe.batch_size),
        tokenizer=settings.tokenizer,
        model=settings.model,
        recipe=recipe,
        test_set=test,
        examples=settings.examples,
        form=form,
    )


@register_family("opt-equal", settings=SETTINGS)
def opt_equal(test: TestSet, scale: Scale, source: str, corpora: Mapping[str, int], settings: Settings) -> Task:
    """An OPT trained on equal numbers of sequences of each corpus (UnTrac Sec. 5.2, "equal")."""
    return pretraining_task("opt-equal", (), test, scale, source, corpora, settings)


@register_family("opt-different", settings=SETTINGS)
def opt_different(test: TestSet, scale: Scale, source: str, corpora: Mapping[str, int], settings: Settings) -> Task:
    """An OPT trained on corpora of sizes 6:4:3:2:2:1:1:1, largest corpus first (UnTrac Sec. 5.2, "different")."""
    return pretraining_task("opt-different", DIFFERENT, test, scale, source, corpora, settings)
