"""How the GPUs of a machine are found without torch, and dealt to workers; the driver's program is a script here."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import InputError, StepError
from assay.run import device, identity
from assay.run.device import Gpu, choose_device, deal, gpus, read_gpus, torch_build, visible
from assay.run.identity import numerics, numerics_label
from assay.run.local import slots
from assay.run.ray_engine import _room

GIB = 1 << 30
EIGHT = "\n".join(f"{index}, GPU-{index}{index}aa, 9.0, 143771, Disabled, NVIDIA H200" for index in range(8))
MIXED = """\
0, GPU-00aa, 7.5, 15360, [N/A], Tesla T4
1, GPU-11bb, 8.0, 81920, Disabled, NVIDIA A100-SXM4-80GB
2, GPU-22cc, 8.0, 81920, Enabled, NVIDIA A100-SXM4-80GB
3, GPU-33dd, 8.0, 81920, Disabled, NVIDIA A100-SXM4-80GB
4, GPU-44ee, 12.1, [N/A], [N/A], NVIDIA GB10
"""
Machine = Callable[..., None]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    """Makes this machine one whose driver tells of certain GPUs, and whose torch is a certain build."""

    def make(told: str, cuda: str | None = "13.0", exit_code: int = 0) -> None:
        program = tmp_path / "nvidia-smi"
        program.write_text(f"#!/bin/sh\ncat <<'end'\n{told}\nend\nexit {exit_code}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        monkeypatch.setattr(device, "torch_build", lambda: ("2.13.0+cu130", cuda))
        monkeypatch.setattr(identity, "torch_build", lambda: ("2.13.0+cu130", cuda))
        gpus.cache_clear()

    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.delenv("ASSAY_DEVICE", raising=False)
    gpus.cache_clear()
    yield make
    gpus.cache_clear()


def test_gpus_are_read_as_the_driver_tells_them_and_sliced_ones_left_out() -> None:
    found = read_gpus(MIXED)
    assert [gpu.index for gpu in found] == [0, 1, 3, 4]
    assert found[1] == Gpu(1, "GPU-11bb", "NVIDIA A100-SXM4-80GB", (8, 0), 80 * GIB)
    assert (found[3].capability, found[3].memory) == ((12, 1), 0)
    assert [gpu.precision for gpu in found] == ["float32", "bfloat16", "bfloat16", "bfloat16"]
    assert read_gpus("") == read_gpus("No devices were found\n") == ()


@pytest.mark.parametrize(
    ("allowed", "indices"),
    [
        (None, [0, 1, 2, 3, 4, 5, 6, 7]),
        ("", []),
        ("-1", []),
        ("NoDevFiles", []),
        ("3,1", [3, 1]),
        (" 2 , 5", [2, 5]),
        ("GPU-44aa,GPU-7", [4, 7]),
        ("1,9,2", [1]),
        ("GPU-", []),
        ("MIG-11aa", []),
    ],
)
def test_cuda_visible_devices_is_read_as_cuda_reads_it(allowed: str | None, indices: list[int]) -> None:
    assert [gpu.index for gpu in visible(read_gpus(EIGHT), allowed)] == indices


def test_of_several_kinds_the_commonest_is_used(machine: Machine) -> None:
    machine(MIXED)
    assert [gpu.index for gpu in gpus()] == [1, 3]


def test_auto_takes_a_gpu_only_where_torch_is_built_for_it(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine(EIGHT)
    assert choose_device() == choose_device("cuda") == "cuda"
    assert choose_device("cpu") == "cpu"
    monkeypatch.setenv("ASSAY_DEVICE", "cpu")
    assert (choose_device(), choose_device("cuda")) == ("cpu", "cuda")
    monkeypatch.setenv("ASSAY_DEVICE", "tpu")
    with pytest.raises(InputError, match="ASSAY_DEVICE is auto, cpu or cuda, and not 'tpu'"):
        choose_device()
    monkeypatch.delenv("ASSAY_DEVICE")
    machine(EIGHT, cuda=None)
    assert choose_device() == "cpu"
    with pytest.raises(InputError, match=r"--device cuda .* built without CUDA"):
        choose_device("cuda")


@pytest.mark.parametrize(("told", "exit_code"), [("", 0), ("No devices were found", 6), (EIGHT, 9)])
def test_a_driver_without_a_gpu_or_that_fails_means_none(machine: Machine, told: str, exit_code: int) -> None:
    machine(told, exit_code=exit_code)
    assert choose_device() == "cpu"
    with pytest.raises(InputError, match="names no whole GPU"):
        choose_device("cuda")
    with pytest.raises(StepError, match="no GPU"):
        numerics("cuda")


def test_no_driver_costs_nothing_and_is_named(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("a program was started"))
    assert choose_device() == "cpu"
    with pytest.raises(InputError, match="there is no NVIDIA driver"):
        choose_device("cuda")


def test_numerics_name_the_gpu_and_keep_the_form_of_the_cpus(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine(EIGHT)
    monkeypatch.setattr(identity, "has_triton", lambda: False)
    found = numerics("cuda")
    assert (found["device"], found["vendor"], found["instructions"]) == ("cuda", "NVIDIA-H200", "sm_90")
    assert (found["precision"], found["mode"], found["torch"]) == ("bfloat16", "eager", "2.13.0+cu130")
    assert set(found) == set(numerics())
    assert len(numerics_label(found).split()) == len(numerics_label(numerics()).split()), "a confound is told by field"
    machine("0, GPU-00aa, 7.5, 15360, [N/A], Tesla T4")
    assert numerics("cuda")["precision"] == "float32"


def test_the_build_of_torch_is_read_without_importing_it() -> None:
    code = (
        "import sys; from assay.run.device import torch_build; print(torch_build()); assert 'torch' not in sys.modules"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    import torch

    assert told.strip() == str((torch.__version__, torch.version.cuda)) == str(torch_build())


@given(count=st.integers(1, 8), workers=st.integers(1, 40), each=st.integers(1, 8))
def test_gpus_are_dealt_evenly_and_never_twice_to_one_worker(count: int, workers: int, each: int) -> None:
    found = read_gpus(EIGHT)[:count]
    if each > count:
        with pytest.raises(InputError, match=f"need {each} GPUs"):
            deal(found, 0, each)
        return
    dealt = [deal(found, worker, each) for worker in range(workers)]
    assert all(len(set(hand)) == each for hand in dealt)
    load = [sum(gpu in hand for hand in dealt) for gpu in found]
    assert max(load) - min(load) <= 1


def test_small_runs_share_a_gpu_as_its_memory_and_the_cores_allow() -> None:
    found = read_gpus(EIGHT)[:2]
    cores, memory = range(32), 500 * GIB
    shared = slots(None, 2 * GIB, cores, memory, found, share=8)
    assert len(shared) == 16
    assert [slot.name for slot in shared[:3]] == ["GPU 0", "GPU 1", "GPU 0"]
    assert shared[1].environment == {"CUDA_VISIBLE_DEVICES": "GPU-11aa"}
    assert len(slots(None, 40 * GIB, cores, memory, found, share=8)) == 6, "three of 40 GiB on each of 140"
    assert len(slots(None, 900 * GIB, cores, memory, found, share=8)) == 2, "one, though it may not fit"
    assert len(slots(None, 2 * GIB, range(4), memory, found, share=8)) == 4
    assert len(slots(None, 2 * GIB, cores, 7 * GIB, found, share=8)) == 4, "each needs main memory too"
    assert len(slots(20, 2 * GIB, cores, memory, found, share=1)) == 20, "as many as are asked for"
    assert [slot.name for slot in slots(None, 2 * GIB, cores, memory, found, each=2)] == ["GPU 0,1"]


def test_without_gpus_workers_are_pinned_one_a_core() -> None:
    found = slots(None, 2 * GIB, [3, 5, 7], 500 * GIB)
    assert [(slot.name, slot.environment) for slot in found] == [("core 3", {}), ("core 5", {}), ("core 7", {})]
    assert len(slots(None, 2 * GIB, [3, 5, 7], 5 * GIB)) == 2
    assert len(slots(None, 20 * GIB, [3, 5, 7], 5 * GIB)) == 1


def test_a_ray_node_has_room_for_as_many_slots_as_its_gpus_are_dealt_to() -> None:
    node = {"CPU": 16.0, "GPU": 2.0, "memory": 64.0 * GIB}
    assert (_room(node, 2 * GIB), _room(node, 2 * GIB, 4), _room(node, 2 * GIB, 16)) == (16, 8, 16)
    assert _room({"CPU": 16.0}, 2 * GIB, 4) == 0


def test_a_gpu_that_is_not_there_is_an_error_of_the_input(tmp_path: Path) -> None:
    found = {name: value for name, value in os.environ.items() if name != "PATH"}
    command = [sys.executable, "-m", "assay", "run", "quickstart", "--device", "cuda"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env={**found, "PATH": ""}, check=False)
    assert done.returncode == 2
    assert "--device cuda cannot be had on this machine: there is no NVIDIA driver" in done.stderr
    assert not list(tmp_path.glob("runs/*"))
