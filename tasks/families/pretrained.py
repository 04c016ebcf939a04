"""A pretrained model trained on: on documents (`continue`), or on prompts with their answers (`finetune`)."""

from collections.abc import Mapping

from lodo.tasks.architectures.causal import Causal
from lodo.tasks.families.opt import pretraining_task
from lodo.tasks.family import Settings, register_family
from lodo.tasks.spec import Form, Recipe, Scale, Task, TestSet, TextKind, TokenizerSpec


def _settings(form: Form) -> Settings:
    """100 steps, few enough that what the model knew before still shows; every example is shown to the methods."""
    batch, length = (16, 64) if form == "packed" else (8, 256)
    return Settings(
        tokenizer=TokenizerSpec(vocabulary=1024),
        model=Causal(model="", positions=max(length, 256)),
        recipe=Recipe(
            steps=100,
            batch_size=batch,
            sequence_length=length,
            lr=5e-5,
            schedule="linear",
            warmup=10,
            precision="bfloat16",
            checkpoints=2,
        ),
        subset_size=64,
        min_pairs=8,
        examples="all",
    )


DOCUMENTS: dict[tuple[Scale, TextKind], Settings] = {
    ("small", text): _settings("packed") for text in ("planted", "natural")
}
PAIRS: dict[tuple[Scale, TextKind], Settings] = {("small", text): _settings("pairs") for text in ("natural", "pairs")}


@register_family("continue", settings=DOCUMENTS, default=False)
def continued(test: TestSet, scale: Scale, source: str, corpora: Mapping[str, int], settings: Settings) -> Task:
    """A pretrained decoder trained on equal numbers of sequences of each corpus; name it with --model."""
    return pretraining_task("continue", (), test, scale, source, corpora, settings)


@register_family("finetune", settings=PAIRS, default=False)
def finetuned(test: TestSet, scale: Scale, source: str, corpora: Mapping[str, int], settings: Settings) -> Task:
    """A pretrained model trained on answers to the prompts of each corpus in equal number; name it with --model."""
    return pretraining_task("finetune", (), test, scale, source, corpora, settings, form="pairs")
