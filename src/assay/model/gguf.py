"""A llama-shaped model in a GGUF file: its weights dequantised, its tokenizer rebuilt.

llama.cpp stores rows of queries and keys with the rotary pairs beside each other; that is undone here, where leaving
it gives a model that runs and writes garbage. Of tokenizers, byte-level BPE with a way of cutting text that is known
here; what the file wants before every text is kept, what it wants behind one is not, as that would end a prompt.
Nothing is guessed: an architecture, a rotary scaling or a weight that the decoder does not have is refused.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors
from torch import Tensor

from assay.errors import InputError, StepError
from assay.model.gguf_header import shape_from
from assay.model.huggingface import from_stock, parts
from assay.model.shape import Shape

_NAMES = {
    "model.embed_tokens.weight": "token_embd.weight",
    "lm_head.weight": "output.weight",
    "model.norm.weight": "output_norm.weight",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}
_CONTROL, _USER_DEFINED = 3, 4
"""Kinds of token, as GGUF numbers them."""


def read_gguf(path: Path) -> tuple[Shape, Tensor, Tokenizer, dict[str, Any]]:
    """A model.

    Args:
        path: The file.

    Returns:
        Its shape; its weights, [parameters] float32 in the order of `Shape.weights`; its tokenizer; and what it says
        of itself: ``name``, ``licence``, ``longest`` (tokens), ``end`` (id of its end token).

    Raises:
        InputError: It is no GGUF file, or no model that can be rebuilt; the message names the key.
        StepError: The ``gguf`` library is missing.
    """
    try:
        import gguf
    except ImportError:
        raise StepError(f"reading {path.name} needs: pip install 'assay[hf]'") from None
    try:
        reader = gguf.GGUFReader(path)
        keys = {name: field.contents() for name, field in reader.fields.items()}
    except FileNotFoundError:
        raise InputError(f"there is no file {path}") from None
    except (ValueError, OSError, IndexError, KeyError) as problem:
        raise InputError(f"{path} cannot be read as a GGUF file: {problem}") from None
    tensors = {tensor.name: tensor for tensor in reader.tensors}
    try:
        shape = shape_from(keys, is_tied="output.weight" not in tensors)
        names = {part.name: _gguf_name(part.name) for _, _, cut in parts(shape) for part in cut}
        unknown = sorted(tensors.keys() - set(names.values()))
        if unknown:
            raise InputError(f"the weight {unknown[0]} has no place in a llama-shaped model")

        def read(name: str) -> Tensor:
            if names[name] not in tensors:
                raise InputError(f"the weight {names[name]} is missing")
            tensor = tensors[names[name]]
            return torch.from_numpy(gguf.dequantize(tensor.data, tensor.tensor_type).copy())

        weights = from_stock(shape, read, is_interleaved=True)
        tokenizer = _tokenizer(keys)
    except InputError as problem:
        raise InputError(f"{path.name}: {problem}") from None
    about = {
        "name": keys.get("general.name", path.stem),
        "licence": keys.get("general.license", ""),
        "longest": int(keys["llama.context_length"]),
        "end": int(keys["tokenizer.ggml.eos_token_id"]),
    }
    return shape, weights, tokenizer, about


def _gguf_name(name: str) -> str:
    """GGUF's name of a stock weight."""
    if name in _NAMES:
        return _NAMES[name]
    _, _, layer, inner = name.removesuffix(".weight").split(".", 3)
    return f"blk.{layer}.{_NAMES[inner]}.weight"


def _tokenizer(keys: Mapping[str, Any]) -> Tokenizer:
    if (kind := keys.get("tokenizer.ggml.model")) != "gpt2":
        raise InputError(f"tokenizer.ggml.model is {kind}; only gpt2, a byte-level BPE, can be read")
    cut = keys.get("tokenizer.ggml.pre", "")
    if cut not in _CUTS:
        raise InputError(f"tokenizer.ggml.pre is {cut or 'missing'}; known are {', '.join(_CUTS)}")
    if keys.get("tokenizer.ggml.add_space_prefix"):
        raise InputError("tokenizer.ggml.add_space_prefix is true, which is not supported")
    tokens = keys["tokenizer.ggml.tokens"]
    merges = [tuple(merge.split(" ")) for merge in keys.get("tokenizer.ggml.merges", ())]
    kinds = keys.get("tokenizer.ggml.token_type", [1] * len(tokens))
    tokenizer = Tokenizer(models.BPE({token: number for number, token in enumerate(tokens)}, merges))
    tokenizer.pre_tokenizer = _CUTS[cut]
    tokenizer.decoder = decoders.ByteLevel()
    for of_kind, special in ((_CONTROL, True), (_USER_DEFINED, False)):
        added = [token for token, kind in zip(tokens, kinds, strict=True) if kind == of_kind]
        tokenizer.add_tokens([AddedToken(token, normalized=False, special=special) for token in added])
    if keys.get("tokenizer.ggml.add_bos_token"):
        number = keys.get("tokenizer.ggml.bos_token_id", -1)
        if not 0 <= number < len(tokens):
            raise InputError("tokenizer.ggml.add_bos_token is true, and tokenizer.ggml.bos_token_id names no token")
        tokenizer.post_processor = processors.TemplateProcessing(
            single=["bos", "$A"],
            pair=["bos", "$A", "$B"],
            special_tokens=[{"id": "bos", "ids": [number], "tokens": [tokens[number]]}],
        )
    return tokenizer


_GPT2 = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
_CUTS = {
    "gpt-2": _GPT2,
    "smollm": pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), _GPT2]),
}
"""How text is cut before merging, by the names that GGUF files give."""
