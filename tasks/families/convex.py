"""Tasks with a closed form: convex models on the same text, where leaving a dataset out has one exact answer."""

from collections.abc import Mapping

from lodo.tasks.architectures.logistic import Logistic
from lodo.tasks.architectures.ridge import Ridge
from lodo.tasks.families.opt import pretraining_task
from lodo.tasks.family import Settings, register_family
from lodo.tasks.spec import ModelSpec, Recipe, Scale, Task, TestSet, TextKind, TokenizerSpec


def _settings(model: ModelSpec) -> dict[tuple[Scale, TextKind], Settings]:
    settings: dict[tuple[Scale, TextKind], Settings] = {}
    sizes: dict[TextKind, tuple[int, int]] = {"planted": (32, 8), "natural": (256, 128)}
    for text, (subset_size, min_pairs) in sizes.items():
        settings["mini", text] = Settings(
            tokenizer=TokenizerSpec(vocabulary=512),
            model=model,
            recipe=Recipe(
                steps=250,
                batch_size=32,
                sequence_length=32,
                lr=1.0,
                optimizer="newton",
                weight_decay=1e-3,
                clip=None,
                precision="float64",
                checkpoints=1,
            ),
            subset_size=subset_size,
            min_pairs=min_pairs,
            examples=250,
        )
    return settings


@register_family("convex-logistic", settings=_settings(Logistic(width=8, positions=128)), default=False)
def convex_logistic(test: TestSet, scale: Scale, source: str, corpora: Mapping[str, int], settings: Settings) -> Task:
    """Multinomial logistic regression of the next token on features of the last, solved exactly (4,096 weights)."""
    return pretraining_task("convex-logistic", (), test, scale, source, corpora, settings)


@register_family("convex-ridge", settings=_settings(Ridge(width=64, positions=128)), default=False)
def convex_ridge(test: TestSet, scale: Scale, source: str, corpora: Mapping[str, int], settings: Settings) -> Task:
    """Ridge regression of the next token's vector on features of the last, solved exactly (4,096 weights)."""
    return pretraining_task("convex-ridge", (), test, scale, source, corpora, settings)
