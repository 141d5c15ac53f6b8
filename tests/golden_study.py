"""The study whose artifacts are the golden outputs of all steps: its material is made here, so that it never changes.

Nothing is taken from the standard library or another package, as their texts change with their versions. Every reader
and generator has a source of its own. Artifacts are compared by what they hold: of a Parquet file its rows, since its
bytes change with the library's version.
"""

import gzip
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from tiny_study import write_wheel

ROOT = Path(__file__).parents[1]
VOCABULARY = """the a of in and to from river stone morning garden winter letter house child road music light water
night field engine number small quiet old new long bright walks sees makes turns keeps finds opens under over after
before never often slowly again because while where with without"""
WORDS = VOCABULARY.split()

CORPUS = """\
name: golden
packages:
  golden: {{version: "1.0", file: golden-1.0-py3-none-any.whl, sha256: {golden[sha256]}, bytes: {golden[bytes]}}}
  reasoning-gym:
    {{version: "1.0", file: reasoning_gym-1.0-py3-none-any.whl, sha256: {gym[sha256]}, bytes: {gym[bytes]}}}
sources:
  files: {{about: x, package: golden, reader: files, kind: text, files: ["files/*"], group: "files/(.)"}}
  articles: {{about: x, package: golden, reader: articles, kind: text, files: ["articles.json"]}}
  factbook: {{about: x, package: golden, reader: factbook, kind: text, files: ["factbook/*"]}}
  plays: {{about: x, package: golden, reader: plays, kind: text, files: ["plays/*"]}}
  recipes: {{about: x, package: golden, reader: recipes, kind: text, files: ["recipes.json"]}}
  papers: {{about: x, package: golden, reader: papers, kind: text, files: ["papers.gz"]}}
  abstracts: {{about: x, package: golden, reader: abstracts, kind: text, files: ["abstracts.gz"]}}
  modules: {{about: x, package: golden, reader: files, kind: code, files: ["code/*"]}}
  notebooks: {{about: x, package: golden, reader: notebooks, kind: notebook, files: ["notebooks/*"]}}
  doctests: {{about: x, package: golden, reader: doctests, kind: qa, files: ["code/*"]}}
ingredients:
  text: {{sources: [files, articles, factbook, plays, recipes, papers, abstracts], heldout: 0.2}}
  code: {{sources: [modules, notebooks, doctests], heldout: 0.2}}
  plays: {{from: text, sources: [plays, files]}}
  math:
    heldout: 0.2
    generator:
      {{name: math, package: reasoning-gym, seed: 1, megabytes: 0.01, problems: [2, 4], tasks: [arithmetic/chain_sum]}}
  instruct:
    from: text
    heldout: 0.2
    generator: {{name: instruct, seed: 1, megabytes: 0.01, sources: [articles, factbook, recipes]}}
tokenizers:
  golden-512: {{vocab: 512, sample: {{text: 0.05, code: 0.02}}}}
"""

STUDY = """\
study: golden
question: Has any step's output changed?
corpus: corpus.yaml
tokenizer: golden-512
seeds: 1
max_epochs: 50
train: {sequence: 32, rows_per_step: 4, warmup_steps: 2, heldout: [text], heldout_every: 3}
mixes:
  all: {text: 0.5, code: 0.2, math: 0.1, instruct: 0.1, plays: 0.1}
stages:
  all: {mix: all, tokens: 640}
  decay: {mix: same, tokens: 384, schedule: linear}
  wave: {mix: {text: 1}, tokens: 384, schedule: cosine, moments: reset}
arms:
  decay: [all, decay]
  wave: [all, wave]
evaluate: {tasks: [colours.yaml], heldout: [text], heldout_documents: 6, heldout_bytes: 300, limit: 8}
metrics: []
"""

TASK = """\
id: colours
title: Colours
category: reasoning
chance: 0.5
source: {path: colours.jsonl}
formats:
  plain: {context: "{{ question }}", each: options, choices: [" {{ it }}"], gold: "{{ answer }}"}
"""

GYM = {
    "reasoning_gym/__init__.py": "raise ImportError('needs a compiler')",
    "reasoning_gym/arithmetic/__init__.py": "raise ImportError('needs a compiler')",
    "reasoning_gym/factory.py": """\
DATASETS = {}
def create_dataset(name, seed, size):
    return DATASETS[name](seed)
""",
    "reasoning_gym/arithmetic/chain_sum.py": """\
from ..factory import DATASETS
class Sum:
    def __init__(self, seed):
        self.seed = seed
    def __getitem__(self, index):
        a, b = (self.seed * 7919 + index * 31) % 1009, (index * 17) % 97
        return {"question": f"{a} + {b} =\\n", "answer": str(a + b)}
DATASETS["chain_sum"] = Sum
""",
}


def make_golden_study(folder: Path) -> None:
    """Write the study, its corpus recipe, its task, and its wheels under ``index``."""
    index = folder / "index"
    golden = write_wheel(index / "golden-1.0-py3-none-any.whl", _material())
    gym = write_wheel(index / "reasoning_gym-1.0-py3-none-any.whl", GYM)
    (folder / "corpus.yaml").write_text(CORPUS.format(golden=golden, gym=gym))
    (folder / "study.yaml").write_text(STUDY)
    (folder / "colours.yaml").write_text(TASK)
    rows = [{"question": f"Stone {n} is", "options": ["red as fire", "blue"], "answer": n % 2} for n in range(12)]
    (folder / "colours.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def run_golden_study(folder: Path) -> tuple[str, dict[str, dict[str, str]]]:
    """Make every artifact of it with the real program, uncompiled.

    Returns:
        The numerics' label, and a digest of what was made, by kind and title (two arms' scores have one title).
    """
    make_golden_study(folder)
    (folder / "bin").mkdir()
    kept = {name: value for name, value in os.environ.items() if name not in {"CXX", "ASSAY_STORE"}}
    store = folder / "store"
    environment = {
        **kept,
        "PATH": str(folder / "bin"),
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(folder / "index"),
        "PIP_CONFIG_FILE": os.devnull,
        "ASSAY_STORE": str(store),
        "PYTHONPATH": str(ROOT / "src"),
    }
    command = [sys.executable, "-m", "assay", "run", "study.yaml", "--out", "out"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the golden study failed:\n{done.stderr}")
    label = json.loads((folder / "out" / "plan.json").read_text())["numerics"]
    held: dict[str, dict[str, list[str]]] = {}
    for manifest in sorted(store.glob("objects/*/*/manifest.json")):
        about = json.loads(manifest.read_text())
        files = {name: _content(manifest.parent / name) for name in sorted(about["files"])}
        held.setdefault(manifest.parts[-3], {}).setdefault(about["title"], []).append(json.dumps(files))
    return label, {
        kind: {title: _digest("\n".join(sorted(texts))) for title, texts in sorted(made.items())}
        for kind, made in held.items()
    }


def material() -> str:
    """Digest of what the study is made from."""
    texts = [CORPUS, STUDY, TASK, json.dumps(GYM), *(f"{name}\n{data!r}" for name, data in _material().items())]
    return _digest("\n".join(texts))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _content(file: Path) -> str:
    """Digest of a Parquet file's columns and rows, of another file's bytes."""
    data = file.read_bytes()
    if file.suffix == ".parquet":
        table = pq.read_table(file)
        columns = [(field.name, str(field.type)) for field in table.schema]
        data = json.dumps([columns, table.to_pylist()], default=str).encode()
    return hashlib.sha256(data).hexdigest()


def _prose(key: str, sentences: int) -> str:
    """Sentences that depend on the key alone."""
    said = []
    for number in range(sentences):
        draws = hashlib.sha256(f"{key}/{number}".encode()).digest()
        words = [WORDS[draw % len(WORDS)] for draw in draws[: 6 + draws[31] % 8]]
        said.append(" ".join(words).capitalize() + ".")
    return " ".join(said)


def _module(number: int) -> str:
    return f'''"""{_prose(f"module {number}", 2)}"""


def step_{number}(value, times={number}):
    """{_prose(f"function {number}", 1)}

    >>> step_{number}(2)
    {2 + 3 * number}
    """
    for turn in range(times):
        value += {number} if turn % 2 else 3
    return value
'''


def _material() -> dict[str, bytes | str]:
    files: dict[str, bytes | str] = {f"files/{'abc'[n % 3]}{n}.txt": _prose(f"file {n}", 12) for n in range(30)}
    files["files/broken.txt"] = b"\xff" * 100
    files["files/short.txt"] = "Too short."
    files["articles.json"] = json.dumps({f"T{n}": {"title": f"T{n}", "extract": _prose(f"a{n}", 9)} for n in range(12)})
    for n in range(12):
        country: dict[str, Any] = {
            "Introduction": {"Background": {"text": f"<p>{_prose(f'back {n}', 5)}&nbsp;</p><p>Short.</p>"}},
            "Geography": {"Area": {"total": {"text": "1,284 sq km " * 20}}, "Terrain": {"text": _prose(f"t{n}", 4)}},
            "Government": {"Country name": {"conventional short form": {"text": f"Land {n}"}}},
        }
        files[f"factbook/{n}.json"] = json.dumps(country)
        play = f"# Play {n}\n\n## ACT I\n\n_Enter_\n\n**ANN**  \n{_prose(f'ann {n}', 5)}  \nSay *so*, & \\[aside]\n"
        files[f"plays/{n}.md"] = play
        files[f"code/part_{n}.py"] = _module(n)
    files["recipes.json"] = json.dumps(
        {
            f"Cookbook:Soup {n}": {
                "title": f"Soup {n}",
                "category": "Soups",
                "servings": str(n),
                "time": "Prep: 10 minutes<br/>Cooking: 1&nbsp;hour",
                "ingredients": [f"{n} cups () water", "''salt'' <ref>a book</ref>", ""],
                "steps": [_prose(f"step {n}", 2), "Serve it hot."],
            }
            for n in range(12)
        }
    )
    papers = [
        {
            "id": f"{n // 2}_{n % 2}",
            "title": f"On rivers {n // 2}",
            "abstract": f"{_prose(f'abstract {n // 2}', 3)} BIBREF0 .",
            "full_text": {
                "section_name": ["Introduction", "Methods ::: Maps"],
                "paragraphs": [
                    [f"{_prose(f'p{n // 2}', 3)} ( BIBREF1 , BIBREF2 ); see Table TABREF3 ."],
                    ["The length INLINEFORM0 of the river is measured in metres, as a rule."],
                ],
            },
        }
        for n in range(16)
    ]
    files["papers.gz"] = _log(papers)
    files["abstracts.gz"] = _log([{"id": f"x:{n}", "context": _prose(f"context {n // 2}", 4)} for n in range(16)])
    for n in range(8):
        cells = [
            {"cell_type": "markdown", "metadata": {}, "source": f"# Notes {n}\n\n{_prose(f'cell {n}', 3)}"},
            {"cell_type": "code", "metadata": {}, "execution_count": 1, "outputs": [], "source": f"print({n} + 1)"},
        ]
        files[f"notebooks/{n}.ipynb"] = json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4})
    return files


def _log(examples: list[dict[str, Any]]) -> bytes:
    lines = "".join(json.dumps({"doc": example}) + "\n" for example in examples)
    return gzip.compress(lines.encode(), compresslevel=0, mtime=0)
