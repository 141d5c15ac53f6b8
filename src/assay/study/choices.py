"""Every value that the paper leaves unstated, and what a study chose for it.

Kept as data so that the report can print the whole list: a replication that hides its own choices has not said
what it replicated. The paper is arXiv 2408.10914; section numbers are its own.
"""

from assay.corpus.near import BANDS, ROWS
from assay.corpus.recipe import Recipe
from assay.model.sizes import SIZES
from assay.study.confounds import DECAYS
from assay.study.paths import restarts
from assay.study.resolve import Study

NOT_STATED = "not stated"


def open_choices(study: Study, recipe: Recipe) -> tuple[dict[str, str], ...]:
    """``{choice, paper, here}`` in the order of the paper's sections."""
    spec, train = study.spec, study.spec.train
    shapes = "; ".join(
        f"{name}: width {size.width}, {size.layers} layers, {size.heads} heads"
        for name, size in ((name, study.known_sizes[name]) for name in spec.sizes)
    )
    rates = ", ".join(f"{name} {train.learning_rate or SIZES[name].learning_rate:g}" for name in spec.sizes)
    longest = max(arm.steps for arm in study.arms) * study.tokens_per_step
    batches = [f"{SIZES[name].batch_tokens(longest):,} at {name}" for name in spec.sizes if name in SIZES]
    endings = sorted({stage.name for arm in study.arms for stage in arm.stages if stage.schedule in DECAYS})
    schedules = sorted({stage.schedule for arm in study.arms for stage in arm.stages} - DECAYS)
    decays = sorted({stage.schedule for arm in study.arms for stage in arm.stages} & DECAYS)
    sources = "; ".join(f"{name}: {_shares(study, name)}" for name in endings)
    kept = [name for name, ingredient in recipe.ingredients.items() if not ingredient.is_selection]
    rows = [
        (
            "deduplication of code against text",
            NOT_STATED,
            f"exact and near (MinHash, {BANDS} bands of {ROWS}), in the order {', '.join(kept)}",
        ),
        (
            "decontamination",
            NOT_STATED,
            "against an index of known benchmarks: a document that holds most of an item is dropped, an item that is "
            "left in part is flagged"
            if recipe.decontaminate
            else "none; items are marked as not compared",
        ),
        (
            "document packing",
            NOT_STATED,
            "documents joined, rows cut without loss and permuted, attention "
            + ("across documents" if train.attention == "causal" else "inside each document"),
        ),
        ("tokenizer training data", NOT_STATED, _tokenizer(study)),
        ("layers, width, heads", NOT_STATED, shapes),
        (
            "tokens a step",
            "512 rows",
            f"{study.tokens_per_step:,}; the sizes' rule would take {', '.join(batches)}"
            if batches
            else f"{study.tokens_per_step:,}",
        ),
        ("peak learning rate", NOT_STATED, rates),
        (
            "learning-rate floor",
            "1e-6 for the cooldown, else not stated",
            f"{train.final_learning_rate:g}"
            + (f"; a cosine's is {train.cosine_floor:g} of the peak" if "cosine" in schedules else ""),
        ),
        (
            "schedule of the main stages",
            "cosine",
            f"{' and '.join(schedules or decays)} after {train.warmup_steps} warm-up steps, then the ending's decay",
        ),
        ("learning rate where stages join", NOT_STATED, _joins(study)),
        ("optimizer state where stages join", NOT_STATED, _carried(study, "moments", "kept", "reset")),
        ("warm-up where stages join", NOT_STATED, _carried(study, "counter", "counted on", "begun anew")),
        (
            "optimizer",
            "AdamW",
            "AdamW" if train.optimizer == "adamw" else "Muon for the matrices of the blocks, AdamW for the rest",
        ),
        ("betas, weight decay, clipping", NOT_STATED, f"{train.betas}, {train.weight_decay:g}, {train.clip:g}"),
        (
            "share of each source in the cooldown",
            "0 % or 20 % code, else not stated",
            sources or "no cooldown in this study",
        ),
        ("shared documents between stages", NOT_STATED, _sharing(recipe)),
        (
            "prompts and shots",
            "zero shots, else not stated",
            "zero shots, the harness's formats (see each task's file)",
        ),
        ("scoring of choices", NOT_STATED, "summed log-likelihood, and per byte; gold bits per byte beside it"),
        ("seeds", "one a model, as far as is said", f"{len(study.seeds)}: {_seeds(study)}"),
    ]
    return tuple({"choice": choice, "paper": paper, "here": here} for choice, paper, here in rows)


def _tokenizer(study: Study) -> str:
    if study.model is not None:
        return f"the tokenizer of {study.model.name}, as it is"
    return f"{study.spec.tokenizer}, a sample of the corpus recipe {study.spec.corpus}"


def _seeds(study: Study) -> str:
    if study.model is None:
        return "initialisation and data order together"
    return f"data order alone, since every arm starts from the weights of {study.model.name}"


def _sharing(recipe: Recipe) -> str:
    made = [f"{name} out of {one.from_}" for name, one in recipe.ingredients.items() if one.from_ is not None]
    again = f"; documents come again in ingredients made from others ({', '.join(made)})" if made else ""
    return f"an ingredient's documents come once an epoch{again}"


def _shares(study: Study, stage_name: str) -> str:
    mixes = {stage.mix for arm in study.arms for stage in arm.stages if stage.name == stage_name}
    if len(mixes) > 1:
        return "the mix of the stage before"
    return ", ".join(f"{share / 10_000:g} % {ingredient}" for ingredient, share in next(iter(mixes)))


def _joins(study: Study) -> str:
    again = [bool(restarts(arm)) for arm in study.arms if len(arm.stages) > 1]
    if not any(again):
        return "goes on where the stage before ended"
    return "begins at the peak again" + ("" if all(again) else " in some arms, goes on in others")


def _carried(study: Study, what: str, kept: str, reset: str) -> str:
    found = {getattr(stage, what) for arm in study.arms for stage in arm.stages[1:]}
    return {"keep": kept, "reset": reset}[found.pop()] if len(found) == 1 else "as each stage says"
