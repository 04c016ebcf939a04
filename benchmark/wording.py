"""A model and a recipe in words."""

from lodo.tasks.architecture import Architecture
from lodo.tasks.spec import Form, Recipe

OPTIMIZERS = {"adamw": "AdamW", "sgd": "SGD", "adafactor": "Adafactor"}
SCHEDULES = {"constant": "constant", "linear": "linear to zero", "cosine": "along a cosine to zero"}
UNSAID = ("parameters",)  # a size that is said in other words


def model_in_words(model: Architecture, vocabulary: int) -> str:
    """What a model is, its sizes, and about how many weights it has with so many tokens."""
    about = (type(model).__doc__ or "").strip().partition("\n")[0].replace("`", "").rstrip(".")
    name = getattr(model, "model", "")
    inner = [value for value in dict(model).values() if isinstance(value, Architecture)]
    fields = {key: value for each in (*inner, model) for key, value in each if value and key not in UNSAID}
    sizes = [
        key if value is True else f"{key} {value}" for key, value in fields.items() if isinstance(value, int | float)
    ]
    sizes += [f"by {recipe_in_words(value, 'pairs')}" for value in fields.values() if isinstance(value, Recipe)]
    what = f"{model.kind} {name}".strip() + (f" ({about})" if about else "")
    weights = f"about {model.rough_parameters(vocabulary):,} weights"
    return f"{what}: {', '.join([*sizes, weights])}, {vocabulary:,} tokens in its vocabulary"


def recipe_in_words(recipe: Recipe, form: Form) -> str:
    """How a training runs."""
    length = f"{'' if form == 'packed' else 'at most '}{recipe.sequence_length:,} tokens"
    if recipe.optimizer == "newton":
        slots = recipe.steps * recipe.batch_size
        return (
            f"solved exactly over {slots:,} sequences of {length} at once, penalty {recipe.weight_decay:g}, "
            f"{recipe.precision}"
        )
    warmup = f" after {recipe.warmup} steps of warm-up" if recipe.warmup else ""
    parts = [
        f"{recipe.steps:,} steps of {recipe.batch_size} sequences of {length}",
        f"{OPTIMIZERS[recipe.optimizer]} at {recipe.lr:g}, {SCHEDULES[recipe.schedule]}{warmup}",
        *([f"weight decay {recipe.weight_decay:g}"] if recipe.weight_decay else []),
        f"gradients clipped at {recipe.clip:g}" if recipe.clip else "no clipping",
        recipe.precision,
        f"{recipe.checkpoints} checkpoints" if recipe.checkpoints > 1 else "1 checkpoint",
        *([f"LoRA adapters of rank {recipe.lora.rank} alone"] if recipe.lora else []),
        *([] if recipe.coupled else ["counterfactuals in an order of their own"]),
    ]
    return "; ".join(parts)
