"""The other trainers, each over the model nearest to ours that it has; runs in an interpreter of its own.

``python _training_peers.py JOB``. All train pre-norm Llama blocks (attention, then SwiGLU) of our width, layers, head
size and feed-forward with a tied embedding, AdamW fused, gradients clipped at 1, bf16 by autocast except litgpt's,
which has a pure bf16 mode and is faster in it. ``compiled`` is what each calls that: HF and litgpt compile the model
whole, OLMo-core every block and the head, the loop in the style of nanoGPT the model with its loss. HF's `Trainer` and
litgpt's ``fit`` run as they are, timed from a callback and from their data; litgpt's look at held-out data at the start
is left out. Of OLMo-core it is the model, in a loop of ours.
"""

import logging
import warnings
from collections.abc import Callable, Iterator
from importlib import import_module
from unittest.mock import patch

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from _training_pace import Job, Pace

FOREVER = 10**9
RATE = 1e-4
EPSILON = 1e-5
BASE = 10_000
ROWS_OF_DATA = 4096


def _batches(job: Job) -> Iterator[Tensor]:
    for batch in job.batches():
        yield torch.from_numpy(batch)


def _loop(job: Job, pace: Pace, model: nn.Module, loss_of: Callable[[Tensor, Tensor], Tensor]) -> None:
    """The plain one: autocast, backward, clip, step."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, betas=(0.9, 0.95), weight_decay=0.1, fused=True)
    for batch in _batches(job):
        pace.tick()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = loss_of(batch[:, :-1], batch[:, 1:])
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        loss.item()


class Attention(nn.Module):
    """Causal self-attention with rotary positions, through PyTorch's own kernel."""

    def __init__(self, job: Job) -> None:
        super().__init__()
        self.heads = job.heads
        self.into = nn.Linear(job.width, 3 * job.width, bias=False)
        self.out = nn.Linear(job.width, job.width, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """[batch, sequence, width] → the same."""
        batch, length, width = x.shape
        parts = self.into(x).view(batch, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        query, key, value = parts.unbind(0)
        y = F.scaled_dot_product_attention(_turn(query, cos, sin), _turn(key, cos, sin), value, is_causal=True)
        found: Tensor = self.out(y.transpose(1, 2).reshape(batch, length, width))
        return found


def _turn(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    left, right = x.chunk(2, -1)
    return torch.cat((left * cos - right * sin, left * sin + right * cos), -1).to(x.dtype)


class Block(nn.Module):
    """Attention, then SwiGLU."""

    def __init__(self, job: Job) -> None:
        super().__init__()
        self.first, self.second = nn.LayerNorm(job.width, bias=False), nn.LayerNorm(job.width, bias=False)
        self.attention = Attention(job)
        self.gate = nn.Linear(job.width, job.feed_forward, bias=False)
        self.up = nn.Linear(job.width, job.feed_forward, bias=False)
        self.down = nn.Linear(job.feed_forward, job.width, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """[batch, sequence, width] → the same."""
        x = x + self.attention(self.first(x), cos, sin)
        y = self.second(x)
        found: Tensor = x + self.down(F.silu(self.gate(y)) * self.up(y))
        return found


class Nano(nn.Module):
    """A decoder and its loss over all logits."""

    cos: Tensor
    sin: Tensor

    def __init__(self, job: Job) -> None:
        super().__init__()
        self.embedding = nn.Embedding(job.vocabulary, job.width)
        nn.init.normal_(self.embedding.weight, std=0.02)
        self.blocks = nn.ModuleList(Block(job) for _ in range(job.layers))
        self.norm = nn.LayerNorm(job.width, bias=False)
        size = job.width // job.heads
        angle = torch.arange(job.sequence)[:, None] * BASE ** (-torch.arange(0, size, 2) / size)
        self.register_buffer("cos", angle.cos())
        self.register_buffer("sin", angle.sin())

    def forward(self, ids: Tensor, targets: Tensor) -> Tensor:
        """Mean loss."""
        x = self.embedding(ids)
        for block in self.blocks:
            x = block(x, self.cos, self.sin)
        logits = F.linear(self.norm(x), self.embedding.weight)
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


def nano(job: Job, pace: Pace) -> None:
    """A loop in the style of nanoGPT, written for this benchmark."""
    model = Nano(job)
    _loop(job, pace, model, torch.compile(model, dynamic=False) if job.compiled else model)


def olmo(job: Job, pace: Pace) -> None:
    """OLMo-core's transformer in `_loop`; its trainer wants a process group and data of its own form."""
    found = import_module("olmo_core.nn.transformer")
    feed_forward = import_module("olmo_core.nn.feed_forward").FeedForwardConfig
    config = found.TransformerConfig.llama_like(
        d_model=job.width,
        vocab_size=job.vocabulary,
        n_layers=job.layers,
        n_heads=job.heads,
        rope_theta=BASE,
        feed_forward=feed_forward(hidden_size=job.feed_forward, bias=False),
        tie_word_embeddings=True,
    )
    model = config.build(init_device="cpu")
    model.init_weights(max_seq_len=job.sequence, device=torch.device("cpu"))
    if job.compiled:
        model.apply_compile()
    _loop(job, pace, model, lambda ids, targets: model(ids, labels=targets).loss)


def litgpt(job: Job, pace: Pace) -> None:
    """litgpt's model in its own pretraining loop. Its command always compiles and never fuses AdamW on a CPU."""
    pretrain = import_module("litgpt.pretrain")
    arguments = import_module("litgpt.args")
    config = import_module("litgpt").Config(
        name="benchmark",
        block_size=job.sequence,
        n_layer=job.layers,
        n_head=job.heads,
        n_embd=job.width,
        n_query_groups=job.heads,
        vocab_size=job.vocabulary,
        padded_vocab_size=job.vocabulary,
        rotary_percentage=1.0,
        rope_base=BASE,
        parallel_residual=False,
        bias=False,
        norm_class_name="RMSNorm",
        norm_eps=EPSILON,
        mlp_class_name="LLaMAMLP",
        intermediate_size=job.feed_forward,
    )
    fabric = import_module("lightning").Fabric(devices=1, accelerator="cpu", precision="bf16-true")
    with fabric.init_module(empty_init=True):
        model = import_module("litgpt.model").GPT(config)
    pretrain.initialize_weights(fabric, model, n_layer=config.n_layer, n_embd=config.n_embd)
    model.transformer.wte.weight = model.lm_head.weight
    model = fabric.setup(torch.compile(model) if job.compiled else model)
    adam = torch.optim.AdamW(model.parameters(), lr=RATE, betas=(0.9, 0.95), weight_decay=0.1, fused=True)

    class Data:
        def __iter__(self) -> Iterator[Tensor]:
            for batch in _batches(job):
                pace.tick()
                yield batch

    with patch.object(pretrain, "validate", lambda *_, **__: torch.zeros(())):
        pretrain.fit(
            fabric=fabric,
            devices=1,
            state={"model": model, "optimizer": fabric.setup_optimizers(adam), "iter_num": 0, "step_count": 0},
            train_dataloader=Data(),
            val_dataloader=None,
            out_dir=None,
            tokenizer_dir=None,
            train=arguments.TrainArgs(
                save_interval=None,
                global_batch_size=job.rows,
                micro_batch_size=job.rows,
                max_tokens=FOREVER * job.rows,
                max_seq_length=job.sequence,
                tie_embeddings=True,
                max_norm=1.0,
            ),
            eval=arguments.EvalArgs(interval=FOREVER),
        )


def hf(job: Job, pace: Pace) -> None:
    """transformers' `Trainer` with its defaults over `LlamaForCausalLM`."""
    transformers = import_module("transformers")
    config = transformers.LlamaConfig(
        vocab_size=job.vocabulary,
        hidden_size=job.width,
        intermediate_size=job.feed_forward,
        num_hidden_layers=job.layers,
        num_attention_heads=job.heads,
        num_key_value_heads=job.heads,
        max_position_embeddings=job.sequence,
        rms_norm_eps=EPSILON,
        tie_word_embeddings=True,
        use_cache=False,
        pad_token_id=None,
        bos_token_id=None,
        eos_token_id=0,
    )
    rows: list[dict[str, Tensor]] = []
    for batch in _batches(job):
        rows += [{"input_ids": row[:-1], "labels": row[:-1]} for row in batch]
        if len(rows) >= ROWS_OF_DATA:
            break
    between = {"on_train_begin": lambda *_, **__: pace.tick(), "on_step_end": lambda *_, **__: pace.tick()}
    trainer = transformers.Trainer(
        model=transformers.LlamaForCausalLM(config),
        args=transformers.TrainingArguments(
            output_dir="out",
            use_cpu=True,
            bf16=True,
            per_device_train_batch_size=job.rows,
            max_steps=FOREVER,
            learning_rate=RATE,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            torch_compile=job.compiled,
        ),
        train_dataset=rows,
        callbacks=[type("Between", (transformers.TrainerCallback,), between)()],
    )
    trainer.train()


PROGRAMS: dict[str, Callable[[Job, Pace], None]] = {"hf": hf, "litgpt": litgpt, "olmo": olmo, "nano": nano}


def main() -> None:
    """Train until standard input ends."""
    job, pace = Job.given(), Pace()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    torch.set_num_threads(job.threads)
    torch.manual_seed(0)
    PROGRAMS[job.program](job, pace)


if __name__ == "__main__":
    main()
