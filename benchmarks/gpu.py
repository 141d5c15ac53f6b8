"""What one GPU does: whether it computes the same as the CPU, how fast and with how much memory, and for how many.

``correctness``: ten steps of 1M on the same batches from the same weights, the GPU's float32 against the CPU's, and its
bfloat16 against its float32; ``speed``: tokens a second, model FLOPs utilisation and peak memory of 15M (sequence
1024), 60M, 150M and 470M (2048), vocabulary 32,768, the largest step that fits, medians after compiling; ``together``:
1, 2, 4 and 8 runs of 5M side by side on the card, without MPS. Utilisation is held against the maker's figure and
against one large product measured in the same process. It takes eight minutes at most: what is not done by then is
named, and what is done is written at once.

    python benchmarks/gpu.py [correctness] [speed] [together]
    python benchmarks/gpu.py --device cpu --tiny --out FILE     # whether the script works, where there is no GPU
"""

import datetime
import json
import os
import re
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from _gpu_job import Job
from _record import RESULTS, Figures, parts_parser, print_figures, write_page
from assay.errors import AssayError
from assay.run.device import choose_device, gpus, lacking
from assay.run.identity import numerics, numerics_label
from assay.run.worker import environment
from assay.study.accelerators import load_accelerators

WORK = Path(__file__).parent / "_gpu_work.py"
PARTS = ("correctness", "speed", "together")
SECONDS = 480.0
"""Of the whole."""
LIMITS = {"correctness": 120.0, "speed": 80.0, "together": 120.0}
"""Of one process, in seconds, compiling included."""
SIZES_TIMED = {"15M": 1024, "60M": 2048, "150M": 2048, "470M": 2048}
VOCABULARY = 32_768
STEP_TOKENS = 65_536
"""At most."""
TIMED_SECONDS = 12.0
COUNTS = (1, 2, 4, 8)
WINDOW_SECONDS = 8.0
CORRECT = {
    "float32_loss_difference": 1e-4,
    "float32_logit_difference": 1e-3,
    "float32_gradient_difference": 1e-4,
    "float32_gradient_difference_inside_documents": 1e-4,
    "float32_score_difference_nats": 1e-3,
}
"""Up to what two devices are taken to compute the same; they add up in different orders."""


class Bench:
    """The parts on one device, and the time that is left."""

    def __init__(self, device: str, tiny: bool, seconds: float, cache: str) -> None:
        self.device, self.tiny = device, tiny
        self.until = time.monotonic() + seconds
        self.numerics = numerics(device)
        self.environment = {**os.environ, **environment(), "TORCHINDUCTOR_CACHE_DIR": cache}
        if device == "cuda":
            self.environment["CUDA_VISIBLE_DEVICES"] = gpus()[0].uuid

    def job(self, part: str, size: str, vocabulary: int, sequence: int, rows: int, seconds: float = 0.0) -> Job:
        """A job, as small as it can be where the script is only tried."""
        precision = self.numerics["precision"]
        if self.tiny:
            return Job(part, self.device, precision, "1M", 512, 48, 2, min(seconds, 0.5), False, 128)
        return Job(part, self.device, precision, size, vocabulary, sequence, rows, seconds, True)

    def left(self, part: str) -> float:
        """Seconds that a process of this part may take."""
        return max(1.0, min(LIMITS[part], self.until - time.monotonic()))

    def answer(self, job: Job) -> dict[str, Any]:
        """What a process says of its job, or ``problem``: why it says nothing."""
        with self.started(job) as process:
            return _line(process, self.left(job.part))

    @contextmanager
    def started(self, job: Job) -> "Iterator[subprocess.Popen[bytes]]":
        """A process at its job, ended with the block."""
        process = subprocess.Popen(
            [sys.executable, str(WORK), job.written()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=self.environment,
        )
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    def correctness(self) -> Iterator[Figures]:
        """Figures of `_gpu_work.correctness`, and whether they are as small as they must be."""
        found = self.answer(self.job("correctness", "1M", 8192, 512, 8))
        if "problem" not in found:
            equal = all(found[name] <= most for name, most in CORRECT.items())
            yield {**found, "correct": equal and found["repeats_bit_for_bit"]}
        else:
            yield found

    def speed(self) -> Iterator[Figures]:
        """Figures of each size, as it is done."""
        for size, sequence in list(SIZES_TIMED.items())[: 1 if self.tiny else None]:
            rows = STEP_TOKENS // sequence
            job = self.job("speed", size, VOCABULARY, sequence, rows, TIMED_SECONDS)
            found = self.answer(job)
            if "problem" not in found:
                peak = stated_peak(self.numerics["vendor"])
                found["mfu"] = found["model_tflops"] * 1e12 / peak if peak else None
                found["mfu_of_gemm"] = found["model_tflops"] / found["gemm_tflops"]
            yield {f"{job.size}_{name}": value for name, value in found.items()}

    def together(self) -> Iterator[Figures]:
        """Tokens a second of all runs together, by their number, and against one alone."""
        counts = COUNTS[: 2 if self.tiny else None]
        job = self.job("together", "5M", 8192, 1024, 8, WINDOW_SECONDS)
        window = job.seconds
        running: list[subprocess.Popen[bytes]] = []
        blocks = [self.started(job) for _ in range(max(counts))]
        try:
            for block in blocks:
                running.append(block.__enter__())
                if len(running) == 1:  # compiles what the others then find
                    problem = _line(running[0], self.left("together")).get("problem")
                    if problem:
                        yield {"together_problem": problem}
                        return
            for process in running[1:]:
                if problem := _line(process, self.left("together")).get("problem"):
                    yield {"together_problem": problem}
                    return
            alone = 0.0
            for count in counts:
                for process in running[:count]:
                    assert process.stdin is not None
                    process.stdin.write(f"{window}\n".encode())
                    process.stdin.flush()
                told = [_line(process, window + self.left("together")) for process in running[:count]]
                rate = sum(each.get("tokens_per_second", 0.0) for each in told)
                alone = alone or rate
                name = f"{job.size}_x{count}"
                yield {f"{name}_tokens_per_second": rate, f"{name}_over_one": rate / alone}
        finally:
            for block in blocks[: len(running)]:
                block.__exit__(None, None, None)


def _line(process: "subprocess.Popen[bytes]", seconds: float) -> dict[str, Any]:
    """The next line that a process writes, or ``problem``."""
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], seconds)
    if not ready:
        return {"problem": f"nothing was heard of it for {seconds:.0f} s"}
    written = process.stdout.readline()
    if not written:
        return {"problem": f"ended with exit code {process.wait()}"}
    told: dict[str, Any] = json.loads(written)
    return told


def stated_peak(name: str) -> float | None:
    """Dense bfloat16 FLOP/s that the maker states of a GPU; None for one that ``accelerators.yaml`` has not."""
    return next((one.peak for one in load_accelerators() if re.search(rf"\b{re.escape(one.name)}\b", name)), None)


class Result:
    """The figures so far, in the form of the other benchmarks' results, written whenever there are more."""

    def __init__(self, file: Path, bench: Bench, arguments: Sequence[str]) -> None:
        self.file, self.bench, self.arguments = file, bench, arguments
        before = {} if bench.tiny or not file.exists() else json.loads(file.read_text(encoding="utf-8"))
        self.figures: dict[str, Any] = before.get("figures", {})
        self.parts: dict[str, Any] = before.get("parts", {})

    def begin(self, part: str) -> None:
        """Drop what an earlier run found in this part."""
        for name in self.parts.pop(part, {"figures": []})["figures"]:
            self.figures.pop(name, None)
        self.parts[part] = {**self._made(part), "figures": []}

    def add(self, part: str, figures: Figures) -> None:
        """Take figures in, and write."""
        self.figures |= figures
        self.parts[part]["figures"] += list(figures)
        whole: dict[str, Any] = {**self._made(*self.arguments), "figures": self.figures, "parts": self.parts}
        if self.bench.tiny:
            whole["tiny"] = True
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")

    def _made(self, *arguments: str) -> dict[str, str]:
        git = subprocess.run(
            ["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False, cwd=Path(__file__).parent
        )
        return {
            "command": " ".join(["python", "benchmarks/gpu.py", *arguments]),
            "commit": git.stdout.strip() or "unknown",
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "machine": f"{os.cpu_count()} cores, {numerics_label(self.bench.numerics)}",
        }


def main() -> int:
    """Run the parts that are asked for; 1 if what was measured is not correct or something did not finish."""
    parser = parts_parser(__doc__, PARTS)
    parser.add_argument("--device", choices=("cuda", "cpu"), help="none: the GPU, if there is one")
    parser.add_argument("--tiny", action="store_true", help="as small as can be: whether the script works")
    parser.add_argument("--out", type=Path, help="write the result here")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="for the whole")
    given = parser.parse_args()
    if given.device == "cpu" and not given.tiny:
        parser.error("a CPU is not what this measures: --device cpu goes with --tiny")
    if given.tiny and given.out is None:
        parser.error("--tiny measures nothing that is to be kept: say with --out where it goes")
    if given.device is None and (told := lacking()):
        print(f"gpu.py: nothing was measured: {told}", file=sys.stderr)
        return 0
    device = choose_device(given.device or "cuda")
    file = given.out or RESULTS / "gpu.json"
    well = True
    with tempfile.TemporaryDirectory() as cache:
        bench = Bench(device, given.tiny, given.seconds, cache)
        result = Result(file, bench, sys.argv[1:])
        for part in given.parts or PARTS:
            result.begin(part)
            for figures in getattr(bench, part)():
                result.add(part, figures)
                print_figures(f"gpu: {part}", figures)
                well = well and figures.get("correct", True) is True
                well = well and not any(name.endswith("problem") for name in figures)
    if given.out is None:
        write_page()
    return 0 if well else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except AssayError as told:
        print(f"gpu.py: {told}", file=sys.stderr)
        sys.exit(told.exit_code)
