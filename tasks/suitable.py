"""Whether a pretrained model can be trained here: its head, its tokenizer, its positions, its size. Without torch."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lodo.tasks.errors import InputError
from lodo.tasks.memory import GIB, free_memory
from lodo.tasks.pretrained import Located, count_parameters, locate, read_config

# Weights, gradients and Adam's two moments in single precision.
BYTES_IN_TRAINING = 16
DECODER_HEADS, ENCODED_HEADS = ("ForCausalLM", "LMHeadModel"), ("ForConditionalGeneration",)


def suitable(name: str, encoder: bool, positions: int) -> tuple[str, int]:
    """Look a model up, with or without an ``encoder``: its fingerprint and how many weights it has.

    Raises:
        InputError: it is not there, is of another kind, has fewer positions, a tokenizer that does not fit, or is too
            large for this machine's memory.
    """
    if not name:
        raise InputError(
            "this task trains a pretrained model: name it with --model (DIR, org/name[@revision], FILE.gguf)"
        )
    located = locate(name)
    if located.gguf is None:
        config = read_config(name, located.folder)
        _check_head(name, encoder, config)
        _check_positions(name, positions, config)
        _check_tokenizer(name, located.folder, config)
    elif encoder:
        raise InputError(f"model {name}: encoder-decoders are not read from GGUF; name a folder or a hub id")
    parameters = count_parameters(located)
    wanted, there = parameters * BYTES_IN_TRAINING, free_memory()
    if wanted > there:
        raise InputError(
            f"model {name}: training its {parameters:,} weights takes at least {wanted / GIB:.3g} GiB of memory where "
            f"{there / GIB:.3g} GiB are free; take a smaller model or a larger machine"
        )
    return located.fingerprint, parameters


def kind_of(name: str) -> str:
    """Which architecture reads a pretrained model: ``seq2seq`` if it has an encoder, else ``causal``.

    Raises InputError where there is no such model.
    """
    located = locate(name)
    encoder = located.gguf is None and read_config(name, located.folder).get("is_encoder_decoder")
    return "seq2seq" if encoder else "causal"


def unchanged(name: str, fingerprint: str) -> Located:
    """Where a model lies whose files still are what they were. Raises InputError where they are not."""
    located = locate(name)
    if located.fingerprint != fingerprint:
        raise InputError(f"model {name}: its files have changed since the run was planned; start it again")
    return located


def _check_head(name: str, encoder: bool, config: Mapping[str, Any]) -> None:
    what = f"model {name}: a {config['model_type']}"
    if encoder != bool(config.get("is_encoder_decoder")):
        raise InputError(f"{what} has {'no encoder; use kind causal' if encoder else 'an encoder; use kind seq2seq'}")
    saved, heads = config.get("architectures") or (), ENCODED_HEADS if encoder else DECODER_HEADS
    if not any(head.endswith(heads) for head in saved):
        raise InputError(
            f"{what} saved as {', '.join(saved) or 'nothing'} predicts no next token; take one that is saved with its "
            f"language head (…{' or …'.join(heads)})"
        )


def _check_positions(name: str, positions: int, config: Mapping[str, Any]) -> None:
    most = config.get("max_position_embeddings") or config.get("n_positions")
    # T5's positions are relative: what its configuration names is no limit.
    if most and config["model_type"] != "t5" and positions > most:
        raise InputError(f"model {name}: it has {most} positions, fewer than model.positions {positions}; lower that")


def _check_tokenizer(name: str, folder: Path, config: Mapping[str, Any]) -> None:
    from tokenizers import Tokenizer

    file, rows = folder / "tokenizer.json", config.get("vocab_size")
    if not file.exists() or not rows:
        return
    tokens = Tokenizer.from_file(str(file)).get_vocab_size()
    if tokens > rows:
        raise InputError(
            f"model {name}: its tokenizer has {tokens} tokens, its embedding {rows}; put the tokenizer that belongs to "
            "the model beside it"
        )
