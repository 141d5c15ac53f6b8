"""Small stock models with a real tokenizer, as others would publish them: written by transformers itself."""

from functools import cache
from pathlib import Path
from pydoc_data.topics import topics
from typing import Any

import torch
from tokenizers import Tokenizer

from assay.tokens import tokenizer as bpe

TEXTS = tuple(topics[name] for name in sorted(topics))
"""The language reference: real English."""
VOCABULARY = 512


@cache
def tokenizer() -> Tokenizer:
    """Trained on the language reference."""
    return bpe.train(TEXTS, VOCABULARY)


def rows(*lengths: int) -> list[torch.Tensor]:
    """Real text in ids, one row of each length."""
    return [
        torch.tensor(tokenizer().encode(text).ids[:length]) for text, length in zip(TEXTS[7:], lengths, strict=False)
    ]


def write_llama(folder: Path, **changes: Any) -> Any:
    """A random Llama with grouped keys, and its tokenizer, as transformers saves them; the model."""
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    settings = {
        "vocab_size": VOCABULARY,
        "hidden_size": 96,
        "intermediate_size": 160,
        "num_hidden_layers": 3,
        "num_attention_heads": 6,
        "num_key_value_heads": 2,
        "max_position_embeddings": 300,
        "rms_norm_eps": 1e-5,
        "rope_theta": 50_000.0,
        "tie_word_embeddings": True,
        "eos_token_id": 0,
        "initializer_range": 0.12,
    }
    torch.manual_seed(0)
    model = LlamaForCausalLM(LlamaConfig(**{**settings, **changes})).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "norm" in name:
                weight.add_(0.3 * torch.randn_like(weight))
    model.save_pretrained(folder)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer(), eos_token=bpe.END)
    fast.save_pretrained(folder)
    return model
