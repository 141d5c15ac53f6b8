"""The ``config.json`` of stock checkpoints, read into a shape and written from one.

The study's block is Cohere's (attention beside SwiGLU behind one norm without bias), so an export needs no code of its
own; the other block is Llama's. What a configuration asks for and the decoder does not do is refused by the key's name:
a model that is rebuilt wrongly runs and writes garbage. Nothing here needs torch, so that a plan can read a shape.
"""

from collections.abc import Mapping
from typing import Any

from assay.errors import InputError
from assay.model.shape import Shape

CLASSES = {"parallel": "CohereForCausalLM", "llama": "LlamaForCausalLM"}
"""Stock class of each block."""
_NEEDED = ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads")
_READ = {*_NEEDED, "num_key_value_heads", "head_dim", "tie_word_embeddings", "rms_norm_eps", "layer_norm_eps"}
_READ |= {"rope_theta", "rope_parameters", "rope_scaling", "architectures", "model_type", "hidden_act", "logit_scale"}
_WITHOUT_EFFECT = {
    *("bos_token_id", "eos_token_id", "pad_token_id", "dtype", "torch_dtype", "transformers_version", "use_cache"),
    *("max_position_embeddings", "initializer_range", "attention_dropout", "pretraining_tp", "is_llama_config"),
    *("return_dict", "chunk_size_feed_forward", "problem_type", "id2label", "label2id", "tokenizer_class"),
}
"""Keys that do not change what the model computes."""


def configuration(shape: Shape, longest: int, end: int, dtype: str) -> dict[str, Any]:
    """What ``config.json`` says.

    Args:
        shape: Of the model.
        longest: Tokens of the sequences that it was trained on.
        end: Id of the token that ends a document.
        dtype: Of the weights, such as ``float32``.

    Raises:
        InputError: The heads do not add up to the width, which Cohere's class cannot have.
    """
    if shape.block == "parallel" and shape.query_width != shape.width:
        raise InputError(f"{CLASSES['parallel']} has heads that add up to the width; here they are {shape.query_width}")
    told: dict[str, Any] = {
        "architectures": [CLASSES[shape.block]],
        "model_type": "cohere" if shape.block == "parallel" else "llama",
        "vocab_size": shape.vocabulary,
        "hidden_size": shape.width,
        "intermediate_size": shape.feed_forward,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.key_heads or shape.heads,
        "hidden_act": "silu",
        "attention_bias": False,
        "attention_dropout": 0.0,
        "max_position_embeddings": longest,
        "rope_theta": shape.rotary_base,
        "tie_word_embeddings": shape.tied,
        "bos_token_id": end,
        "eos_token_id": end,
        "pad_token_id": end,
        "torch_dtype": dtype,
    }
    if shape.block == "parallel":
        return told | {"layer_norm_eps": shape.norm_epsilon, "logit_scale": 1.0, "use_qk_norm": False}
    return told | {"rms_norm_eps": shape.norm_epsilon, "head_dim": shape.head_size, "mlp_bias": False}


def shape_of(config: Mapping[str, Any]) -> Shape:
    """The shape that a ``config.json`` describes.

    Raises:
        InputError: It is neither of the two classes, lacks a key, or asks for what the decoder does not do.
    """
    classes = config.get("architectures") or []
    block = next((block for block, name in CLASSES.items() if classes == [name]), None)
    if block is None:
        said = ", ".join(map(str, classes)) or "nothing"
        raise InputError(f"architectures is {said}; what can be read is {' or '.join(CLASSES.values())}")
    missing = [key for key in _NEEDED if not isinstance(config.get(key), int)]
    if missing:
        raise InputError(f"{missing[0]} is no number, and {CLASSES[block]} needs it")
    for key, value in config.items():
        known = key in _READ or key in _WITHOUT_EFFECT or key.startswith("_") or "." in key
        if not known and value not in (None, False):
            raise InputError(f"{key} is {value!r}, which is not supported: the model could not be rebuilt as it is")
    if config.get("hidden_act", "silu") not in {"silu", "swish"}:
        raise InputError(f"hidden_act is {config['hidden_act']}; only silu is supported")
    width, heads = config["hidden_size"], config["num_attention_heads"]
    key_heads = config.get("num_key_value_heads") or heads
    head_size = config.get("head_dim") or width // heads
    if head_size % 2 or heads % key_heads or (not config.get("head_dim") and width % heads):
        raise InputError(f"num_attention_heads is {heads}, over {key_heads} of keys and a width of {width}")
    base = _rotary_base(config, 10_000.0 if block == "llama" else None)
    if block == "parallel":
        if config.get("logit_scale") != 1:
            raise InputError(f"logit_scale is {config.get('logit_scale', 0.0625)}; only 1 is supported")
        if key_heads != heads or head_size * heads != width:
            raise InputError(f"num_key_value_heads is {key_heads}; beside the feed-forward it must be {heads}")
    is_llama = block == "llama"
    return Shape(
        vocabulary=config["vocab_size"],
        width=width,
        layers=config["num_hidden_layers"],
        heads=heads,
        head_size=head_size,
        feed_forward=config["intermediate_size"],
        block="llama" if is_llama else "parallel",
        key_heads=0 if key_heads == heads else key_heads,
        tied=bool(config.get("tie_word_embeddings", not is_llama)),
        norm_epsilon=float(config.get("rms_norm_eps", 1e-6) if is_llama else config.get("layer_norm_eps", 1e-5)),
        rotary_base=base,
    )


def _rotary_base(config: Mapping[str, Any], default: float | None) -> float:
    """``rope_theta``, wherever a version of the library writes it; anything but plain rotary positions is refused."""
    found = config.get("rope_theta", default)
    for key in ("rope_scaling", "rope_parameters"):
        told = config.get(key) or {}
        kind = told.get("rope_type", told.get("type", "default"))
        others = [name for name in told if name not in {"rope_type", "type", "rope_theta"} and told[name] is not None]
        if kind != "default" or others:
            raise InputError(f"{key} is {dict(told)}; only plain rotary positions (default) are supported")
        found = told.get("rope_theta", found)
    if not isinstance(found, int | float):
        raise InputError("rope_theta is missing")
    return float(found)
