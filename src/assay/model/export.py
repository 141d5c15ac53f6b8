"""A trained model as a Hugging Face folder that stock software loads: configuration, weights, tokenizer, card.

Nothing in it needs code of Assay's: the study's decoder is `CohereForCausalLM` with other names, Llama's block is
`LlamaForCausalLM` (see `huggingface`). The tokenizer puts the end token before a text, as every document in training
follows one and every evaluation here begins with one. The folder appears whole or not at all.
"""

import errno
import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from tokenizers import Tokenizer, processors
from torch import Tensor

from assay.errors import InputError, StepError
from assay.files import ASIDE, as_json, flush, refused
from assay.model.configuration import configuration
from assay.model.decoder import plain_decoder, views
from assay.model.huggingface import to_stock
from assay.model.shape import Shape
from assay.tokens.tokenizer import END, end_id

DTYPES = ("float32", "bfloat16")


def write_model(
    out: Path, shape: Shape, weights: Tensor, tokenizer: Path, longest: int, card: str, dtype: str = "float32"
) -> None:
    """Write the folder.

    Args:
        out: Where; nothing may be there.
        shape: Of the model.
        weights: [parameters], float32, in the order of `Shape.weights`.
        tokenizer: A ``tokenizer.json`` of Assay's, which has the token `END`.
        longest: Tokens of the sequences that it was trained on.
        card: Text of ``README.md``.
        dtype: One of `DTYPES`.

    Raises:
        InputError: Something is there already, or the stock class cannot have this shape.
        StepError: The disk is full or cannot be written.
    """
    if out.exists() or out.is_symlink():
        raise InputError(f"{out} is there already; an export is written to a folder of its own")
    bpe = Tokenizer.from_file(str(tokenizer))
    end = end_id(bpe)
    config = configuration(shape, longest, end, dtype)
    tensors = to_stock(shape, views(shape, weights.to(getattr(torch, dtype))))
    bpe.post_processor = processors.TemplateProcessing(
        single=f"{END} $A", pair=f"{END} $A $B:1", special_tokens=[(END, end)]
    )
    texts = {
        "config.json": as_json(config),
        "generation_config.json": as_json(dict.fromkeys(("bos_token_id", "eos_token_id", "pad_token_id"), end)),
        "tokenizer.json": json.dumps(json.loads(bpe.to_str()), ensure_ascii=False, indent=1) + "\n",
        "tokenizer_config.json": as_json(
            {
                "tokenizer_class": "PreTrainedTokenizerFast",
                "bos_token": END,
                "eos_token": END,
                "pad_token": END,
                "model_max_length": longest,
                "clean_up_tokenization_spaces": False,
            }
        ),
        "README.md": card,
    }
    aside: Path | None = None
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(dir=out.parent, prefix=ASIDE))
        for name, text in texts.items():
            (aside / name).write_text(text, encoding="utf-8")
        save_file(tensors, aside / "model.safetensors", metadata={"format": "pt"})
        for path in aside.iterdir():
            path.chmod(0o644)
            flush(path)
        aside.chmod(0o755)
        aside.rename(out)
    except SafetensorError as problem:  # the library's own words for what the operating system said
        full = OSError(errno.ENOSPC if "os error 28" in str(problem) else errno.EIO, str(problem))
        raise refused(full, out.parent) or StepError(f"{out} cannot be written: {problem}") from None
    except OSError as problem:
        raise refused(problem, out.parent) or StepError(f"{out} cannot be written: {problem.strerror}") from None
    finally:
        if aside is not None:
            shutil.rmtree(aside, ignore_errors=True)


def logit_difference(folder: Path, shape: Shape, weights: Tensor, rows: Sequence[Tensor]) -> float:
    """Largest |logit of ours − logit of transformers'| over all positions, both in float32 on this processor.

    Args:
        folder: An export, in float32.
        shape: Of the model that was exported.
        weights: [parameters], float32.
        rows: Ids, [sequence] each, of any lengths.

    Raises:
        StepError: transformers is missing, or would not take every weight of the export.
    """
    try:
        from transformers import AutoModelForCausalLM
    except ImportError:
        raise StepError("comparing with transformers needs: pip install 'assay[hf]'") from None
    theirs, loading = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
    wrong = sorted(name for kind in ("missing_keys", "unexpected_keys", "mismatched_keys") for name in loading[kind])
    if wrong:
        raise StepError(f"transformers and {folder} do not agree about the weight {wrong[0]}")
    decoder = plain_decoder(shape, weights)
    largest = 0.0
    with torch.inference_mode():
        for ids in rows:
            ours = decoder.hidden(ids[None]) @ decoder.output.t()
            largest = max(largest, float((ours - theirs.eval()(ids[None]).logits).abs().max()))
    return largest
