"""From a source's text to token arrays: the tokenizer of a mixture, its pools of sequences, its test subsets."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from lodo.tasks.errors import InputError
from lodo.tasks.seeds import derive_seed
from lodo.tasks.spec import Mixture, TestSet, TokenizerSpec
from lodo.tasks.subsets import Subset, draw_subsets

SPECIAL = ("<pad>", "<s>", "<unk>")
PAD, BOS = 0, 1


def train_tokenizer(texts: Sequence[str], spec: TokenizerSpec) -> Tokenizer:
    """A byte-level BPE tokenizer of at most ``spec.vocabulary`` entries, special tokens first."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=spec.vocabulary,
        special_tokens=list(SPECIAL),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def pack(documents: Sequence[str], tokenizer: Tokenizer, length: int, name: str) -> np.ndarray:
    """Documents shuffled by the dataset's name, each beginning with BOS, joined and cut: (P, length) int32.

    The remainder is dropped, as in the paper's code.
    """
    order = np.random.default_rng(derive_seed("documents", name)).permutation(len(documents))
    encodings = tokenizer.encode_batch_fast([documents[index] for index in order])
    joined = np.fromiter((token for item in encodings for token in (BOS, *item.ids)), dtype=np.int32)
    count = len(joined) // length
    if count == 0:
        raise InputError(
            f"corpus '{name}' has {len(joined)} tokens, fewer than one sequence of {length}: give it more text"
        )
    return joined[: count * length].reshape(count, length)


def encode_subset(subset: Subset, tokenizer: Tokenizer, positions: int) -> tuple[np.ndarray, np.ndarray]:
    """Tokens (N, L) int32 padded with PAD and scored (N, L) bool of a subset.

    Prompt and text are tokenised apart and only the text's tokens are scored. What exceeds the model's positions is
    cut from the prompt's beginning, then from the text's end.
    """
    rows = []
    for example in subset.examples:
        text = tokenizer.encode(example.text).ids[: positions - 1]
        prompt = tokenizer.encode(example.prompt).ids if example.prompt else []
        prompt = prompt[max(0, len(prompt) + 1 + len(text) - positions) :]
        rows.append(([BOS, *prompt, *text], len(text)))
    length = max(len(tokens) for tokens, _ in rows)
    tokens = np.full((len(rows), length), PAD, dtype=np.int32)
    scored = np.zeros((len(rows), length), dtype=bool)
    for index, (ids, answer) in enumerate(rows):
        tokens[index, : len(ids)] = ids
        scored[index, len(ids) - answer : len(ids)] = True
    return tokens, scored


@dataclass(frozen=True)
class Prepared:
    """A mixture as numbers.

    Attributes:
        vocabulary: size of the tokenizer's vocabulary.
        pools: by dataset, its sequences as (P_k, L) int32.
        tests: by test set and subset, (tokens (N, L) int32, scored (N, L) bool).
    """

    vocabulary: int
    pools: Mapping[str, np.ndarray]
    tests: Mapping[str, Mapping[str, tuple[np.ndarray, np.ndarray]]]


def prepare(
    corpora: Mapping[str, Sequence[str]],
    tests: Mapping[str, Sequence[Mapping[str, object]]],
    mixture: Mixture,
    spec: TokenizerSpec,
    test_sets: Sequence[TestSet],
    sequence_length: int,
    positions: int,
) -> tuple[Prepared, Tokenizer]:
    """Train the mixture's tokenizer, pack its datasets, draw and encode the test sets."""
    tokenizer = train_tokenizer([text for name in mixture.names for text in corpora[name]], spec)
    pools = {name: pack(corpora[name], tokenizer, sequence_length, name) for name in mixture.names}
    encoded = {
        test.name: {
            subset.name: encode_subset(subset, tokenizer, positions)
            for subset in draw_subsets(test.name, tests[test.name], size=test.subset_size, min_pairs=test.min_pairs)
        }
        for test in test_sets
    }
    return Prepared(tokenizer.get_vocab_size(), pools, encoded), tokenizer


def save_prepared(prepared: Prepared, tokenizer: Tokenizer, folder: Path) -> None:
    """Write ``tokens.safetensors``, ``names.json`` and ``tokenizer.json`` into a folder."""
    arrays = {f"pool/{index}": pool for index, pool in enumerate(prepared.pools.values())}
    names: dict[str, object] = {"vocabulary": prepared.vocabulary, "pools": list(prepared.pools), "tests": {}}
    for number, (test, subsets) in enumerate(prepared.tests.items()):
        names["tests"][test] = list(subsets)  # type: ignore[index]
        for index, (tokens, scored) in enumerate(subsets.values()):
            arrays[f"test/{number}/{index}/tokens"] = tokens
            arrays[f"test/{number}/{index}/scored"] = scored
    save_file(arrays, folder / "tokens.safetensors")
    (folder / "names.json").write_text(json.dumps(names, ensure_ascii=False))
    tokenizer.save(str(folder / "tokenizer.json"))


def load_prepared(folder: Path) -> Prepared:
    """Read back what `save_prepared` wrote."""
    arrays = load_file(folder / "tokens.safetensors")
    names = json.loads((folder / "names.json").read_text())
    tests = {
        test: {
            subset: (arrays[f"test/{number}/{index}/tokens"], arrays[f"test/{number}/{index}/scored"])
            for index, subset in enumerate(subsets)
        }
        for number, (test, subsets) in enumerate(names["tests"].items())
    }
    pools = {name: arrays[f"pool/{index}"] for index, name in enumerate(names["pools"])}
    return Prepared(names["vocabulary"], pools, tests)
