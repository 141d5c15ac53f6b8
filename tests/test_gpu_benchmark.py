"""The GPU's benchmark as far as it can be tried without one: on the CPU, as small as can be, and with a wrong block."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import _gpu_work
from _gpu_job import Job, token_flop
from assay.model.decoder import block
from assay.model.loss import softmax_pass
from assay.model.sizes import SIZES
from gpu import CORRECT, stated_peak

SCRIPT = Path(__file__).parent.parent / "benchmarks" / "gpu.py"


def script(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(SCRIPT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.slow
def test_every_part_runs_on_a_cpu_and_says_that_it_is_a_trial(tmp_path: Path) -> None:
    out = tmp_path / "gpu.json"
    done = script("--device", "cpu", "--tiny", "--out", str(out))
    assert done.returncode == 0, done.stderr
    result = json.loads(out.read_text())
    figures = result["figures"]
    assert result["tiny"] is True
    assert set(result["parts"]) == {"correctness", "speed", "together"}
    assert figures["correct"] and figures["repeats_bit_for_bit"]
    assert figures["float32_loss_difference"] <= CORRECT["float32_loss_difference"]
    assert figures["training_precision_loss_difference"] < 0.01
    assert figures["loss_fell_by"] > 0.1, "the steps must train, or equal losses would say little"
    flop = token_flop(SIZES["1M"], 512, figures["1M_sequence"])
    assert figures["1M_model_tflops"] == pytest.approx(figures["1M_tokens_per_second"] * flop / 1e12)
    assert figures["1M_mfu_of_gemm"] == pytest.approx(figures["1M_model_tflops"] / figures["1M_gemm_tflops"])
    assert figures["1M_mfu"] is None, "no maker's figure is known of a CPU"
    assert figures["1M_x1_over_one"] == 1
    assert figures["1M_x2_tokens_per_second"] > 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--device", "cpu"], "goes with --tiny"),
        (["--device", "cpu", "--tiny"], "--out"),
        (["slow"], "there is no part slow"),
    ],
)
def test_what_would_be_no_measurement_of_a_gpu_is_refused(arguments: list[str], told: str) -> None:
    done = script(*arguments)
    assert done.returncode == 2
    assert told in done.stderr


def test_without_a_gpu_nothing_is_written_and_that_is_said(tmp_path: Path) -> None:
    command = [sys.executable, str(SCRIPT), "--out", str(tmp_path / "gpu.json")]
    environment = {**os.environ, "PATH": ""}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, list(tmp_path.iterdir())) == (0, [])
    assert "nothing was measured: there is no NVIDIA driver" in done.stderr
    asked = subprocess.run([*command, "--device", "cuda"], capture_output=True, text=True, env=environment, check=False)
    assert asked.returncode == 2


@pytest.mark.slow
def test_a_block_that_is_a_little_wrong_is_not_correct(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(x: Tensor, *rest: Any) -> Tensor:
        return block(x, *rest) * 1.001

    job = Job("correctness", "cpu", "float32", "1M", 512, 48, 2, 0.0, True)
    monkeypatch.setattr(_gpu_work, "compiled_softmax_pass", lambda _: softmax_pass)
    found = {}
    for name, function in (("right", block), ("wrong", wrong)):
        monkeypatch.setattr(_gpu_work, "compiled_block", lambda device, chosen=function: chosen)
        found[name] = _gpu_work.correctness(job)
    assert all(found["right"][figure] <= most for figure, most in CORRECT.items())
    for figure in ("float32_loss_difference", "float32_gradient_difference"):
        assert found["wrong"][figure] > CORRECT[figure]


def test_operations_of_a_token_are_those_that_are_counted_in_a_forward_and_backward_pass() -> None:
    from torch.utils.flop_counter import FlopCounterMode

    sequence, vocabulary = 256, 512
    job = Job("speed", "cpu", "float32", "1M", vocabulary, sequence, 1, 0.0, False)
    model = _gpu_work.replica(job, "cpu", "float32", False)
    ids = torch.zeros(1, sequence + 1, dtype=torch.int64)
    with FlopCounterMode(display=False) as counter:
        model.backward(ids[:, :-1], ids[:, 1:])
    size = SIZES["1M"]
    attention = 6 * size.layers * size.width * sequence
    counted = counter.get_total_flops() / sequence
    assert counted - attention == pytest.approx(token_flop(size, vocabulary, sequence), rel=0.01), (
        "the CPU's attention multiplies the whole square within a block of queries, of which half is counted"
    )


@pytest.mark.parametrize(
    ("name", "tflops"),
    [("NVIDIA-H200", 989), ("NVIDIA-H100-80GB-HBM3", 989), ("NVIDIA-A100-SXM4-80GB", 312), ("NVIDIA-T4", None)],
)
def test_the_makers_peak_is_found_by_the_name_that_the_driver_gives(name: str, tflops: float | None) -> None:
    assert stated_peak(name) == (None if tflops is None else tflops * 1e12)
