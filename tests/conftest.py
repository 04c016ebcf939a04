"""What all tests share: real text where there is any."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_data() -> Path:
    """A folder of real corpora and test sets; without one the test is skipped, under CI it fails."""
    path = Path(os.environ.get("LODO_TEST_DATA") or Path(__file__).parents[2] / "shared" / "data")
    if not path.is_dir():
        text = f"no real text at {path}; set LODO_TEST_DATA"
        if os.environ.get("CI"):
            pytest.fail(text)
        pytest.skip(text)
    return path


def pytest_addoption(parser):
    parser.addoption("--write-golden", action="store_true", help="store every method's present influence as golden")


@pytest.fixture(scope="session")
def pretrained(tmp_path_factory):
    """A function that gives the folder of a tiny model of a kind, as transformers saves it, tokenizer beside it."""
    import torch
    import transformers

    from lodo.tasks.pretrained import quiet
    from lodo.tasks.vocabulary import trained_vocabulary

    sizes = {"vocab_size": 320, "bos_token_id": 1, "eos_token_id": 1}
    decoder = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    encoded = {**sizes, "pad_token_id": 0, "d_model": 32}
    made = {
        "gpt2": lambda: transformers.GPT2Config(**sizes, n_positions=64, n_embd=32, n_layer=1, n_head=2),
        "gpt_neox": lambda: transformers.GPTNeoXConfig(**sizes, **decoder, max_position_embeddings=64),
        "llama": lambda: transformers.LlamaConfig(
            **sizes, **decoder, num_key_value_heads=1, max_position_embeddings=64, tie_word_embeddings=True
        ),
        "t5": lambda: transformers.T5Config(
            **encoded,
            d_kv=16,
            d_ff=64,
            num_layers=1,
            num_heads=2,
            feed_forward_proj="gated-gelu",
            tie_word_embeddings=False,
            decoder_start_token_id=0,
        ),
        "bart": lambda: transformers.BartConfig(
            **encoded,
            encoder_layers=1,
            decoder_layers=1,
            encoder_attention_heads=2,
            decoder_attention_heads=2,
            encoder_ffn_dim=64,
            decoder_ffn_dim=64,
            max_position_embeddings=64,
            decoder_start_token_id=2,
            forced_eos_token_id=None,
        ),
        "bert": lambda: transformers.BertConfig(vocab_size=320, **decoder),
    }
    folders = {}

    def folder_of(kind: str) -> Path:
        if kind not in folders:
            folder = tmp_path_factory.mktemp(kind)
            config = made[kind]()
            lone = transformers.AutoModelForMaskedLM if kind == "bert" else transformers.AutoModelForCausalLM
            auto = transformers.AutoModelForSeq2SeqLM if config.is_encoder_decoder else lone
            with quiet(), torch.random.fork_rng(devices=[]):
                torch.manual_seed(0)
                auto.from_config(config).save_pretrained(folder)
                vocabulary = trained_vocabulary(["the cat sat on the mat, and a dog ran after the cat"] * 3, 300)
                transformers.PreTrainedTokenizerFast(
                    tokenizer_object=vocabulary.tokenizer, bos_token="<s>", eos_token="<s>", pad_token="<pad>"
                ).save_pretrained(folder)
            folders[kind] = folder
        return folders[kind]

    return folder_of
