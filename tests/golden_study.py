"""The study whose artifacts are the golden outputs of all steps: its material is made by `golden_material`.

Nothing is taken from the standard library or another package, as their texts change with their versions. Every reader
and generator has a source of its own; the index of benchmarks is made of stand-ins for their packages, and what it
finds is planted. Artifacts are compared by what they hold: of a Parquet file its rows, since its bytes change with the
library's version, and of the index all but its table of characters, which changes with Python's.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pyarrow.parquet as pq

from assay.corpus.ingredient import InterventionName
from assay.corpus.recipe_file import load_recipe
from golden_material import (
    GYM,
    LEAKED,
    asked,
    beside,
    first_release,
    history,
    later_release,
    make_repository,
)
from known_benchmarks import publish_index, write_packages
from tiny_study import write_wheel

ROOT = Path(__file__).parents[1]
CORPUS = """\
name: golden
packages:
  golden: {{version: "1.0", file: golden-1.0-py3-none-any.whl, sha256: {golden[sha256]}, bytes: {golden[bytes]}}}
  later: {{version: "1.0", file: later-1.0-py3-none-any.whl, sha256: {later[sha256]}, bytes: {later[bytes]}}}
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
  rows:
    {{about: x, path: rows, reader: records, kind: text, records: {{text: body, id: name, licence: terms}},
      clean: {{rules: [c4, gopher, gopher_repetition, fineweb, no_code], natural_language: en}}}}
  pages: {{about: x, package: later, reader: html, kind: text, files: ["pages/*"]}}
  words: {{about: x, package: later, reader: dictionary, kind: text, files: ["words/*.dict.dz"]}}
  books: {{about: x, package: later, reader: sword, kind: text, files: ["books/*.bzz"]}}
  posts: {{about: x, path: posts, reader: stackexchange, kind: qa}}
  commits: {{about: x, path: repository, reader: commits, kind: commit}}
  releases: {{about: x, package: later, before: golden, reader: releases, kind: commit, files: ["code/*"]}}
  judged:
    {{about: x, package: later, reader: files, kind: code, files: ["judged/*"],
      clean: {{rules: [starcoder, parses], comment_share: [0.01, 0.8], complexity: 3, licences: permissive,
        mask: true}}}}
ingredients:
  text:
    {{sources: [files, articles, factbook, plays, recipes, papers, abstracts, rows, pages, words, books], heldout: 0.2}}
  code: {{sources: [modules, notebooks, doctests, judged], heldout: 0.2}}
  beside: {{sources: [commits, releases, posts], heldout: 0.2}}
  plays: {{from: text, sources: [plays, files]}}
  best: {{from: text, quality: {{like: [articles, factbook], keep: best, share: 0.5}}}}
{interventions}
  problems: {{heldout: 0.2, generator: {{name: synthetic, composed: {{tried: 12, seed: 1}}}}}}
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
INTERVENTIONS = "\n".join(f"  {name}: {{from: code, intervention: {name}}}" for name in get_args(InterventionName))

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
evaluate: {tasks: [colours.yaml], heldout: [text], heldout_documents: 6, heldout_bytes: 300, limit: 8,
  at: stages, generate: {samples: 2, temperature: 1.0, top_p: 0.9}}
judge: {prompts: asked.jsonl, judges: [likelihood, letters], judge_model: "hf:judge", tokens: 6, pairs: [[decay, wave]]}
metrics: []
"""

TASK = """\
id: colours
title: Colours
category: reasoning
chance: 0.5
source: {path: colours.jsonl}
formats:
  plain:
    {context: "{{ question }}", each: options, choices: [" {{ it }}"], gold: "{{ answer }}",
      generate: {stop: ["e"], tokens: 6, check: f1, accept: "options"}}
"""


ASKED: list[dict[str, Any]] = [
    {
        "id": "stone",
        "text": "What is a stone?",
        "reference": "A stone is a hard piece of the ground that one can lift.",
    },
    {
        "id": "river",
        "text": "Where do rivers end?",
        "reference": "Most rivers end in the sea, and a few of them in a lake.",
    },
    {
        "id": "night",
        "text": "The night was cold, and",
        "opening": True,
        "reference": "nobody was left in the street but an old man with his dog.",
    },
]
TEMPLATE = "{% for message in messages %}{{ message['role'] }}\n{{ message['content'] }}<|turn|>{% endfor %}assistant\n"


def write_judge(folder: Path) -> None:
    """Write a model with fresh weights that judges."""
    from assay.model.decoder import initialise
    from assay.model.export import write_model
    from assay.model.shape import Shape
    from assay.tokens import tokenizer as bpe

    words = bpe.train((one["reference"] for one in ASKED), 280)
    words.add_special_tokens(["<|turn|>"])
    shape = Shape(words.get_vocab_size(), 64, 1, 2, 32, 96, block="llama", key_heads=1, tied=False)
    words.save(str(folder / "judge.json"))
    write_model(folder / "judge", shape, initialise(shape, 1), folder / "judge.json", 2048, "# judge")
    (folder / "judge" / "chat_template.jinja").write_text(TEMPLATE)


def make_golden_study(folder: Path) -> None:
    """Write the study, its corpus recipe, its task, and its wheels under ``index``."""
    index = folder / "index"
    golden = write_wheel(index / "golden-1.0-py3-none-any.whl", first_release())
    later = write_wheel(index / "later-1.0-py3-none-any.whl", later_release())
    gym = write_wheel(index / "reasoning_gym-1.0-py3-none-any.whl", GYM)
    (folder / "corpus.yaml").write_text(CORPUS.format(golden=golden, later=later, gym=gym, interventions=INTERVENTIONS))
    (folder / "study.yaml").write_text(STUDY)
    (folder / "colours.yaml").write_text(TASK)
    for name, data in beside().items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    make_repository(folder / "repository")
    leaked = [asked(one) for one in LEAKED]
    rows = [{"question": f"Stone {n} is", "options": ["red as fire", "blue"], "answer": n % 2} for n in range(9)]
    (folder / "asked.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ASKED))
    write_judge(folder)
    rows += [{"question": f"{words} It is", "options": ["red", "blue as ice"], "answer": 1} for words in leaked]
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
    publish_index(store, load_recipe(folder / "corpus.yaml"), write_packages(folder / "benchmarks", asked))
    git = shutil.which("git")
    if git is None:
        raise RuntimeError("the golden study reads a git repository, and there is no git")
    (folder / "bin" / "git").symlink_to(git)
    environment = {
        **kept,
        "PATH": str(folder / "bin"),
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(folder / "index"),
        "PIP_CONFIG_FILE": os.devnull,
        "ASSAY_STORE": str(store),
        "PYTHONPATH": str(ROOT / "src"),
    }
    for words in (["data", "build", "corpus.yaml"], ["run", "study.yaml", "--out", "out"]):
        command = [sys.executable, "-m", "assay", *words]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"the golden study failed:\n{done.stderr}")
    label = json.loads((folder / "out" / "plan.json").read_text())["numerics"]
    held: dict[str, dict[str, list[str]]] = {}
    for manifest in sorted(store.glob("objects/*/*/manifest.json")):
        about = json.loads(manifest.read_text())
        names = sorted(set(about["files"]) - {"characters.npy"})
        files = {name: _content(manifest.parent / name) for name in names}
        held.setdefault(manifest.parts[-3], {}).setdefault(about["title"], []).append(json.dumps(files))
    return label, {
        kind: {title: _digest("\n".join(sorted(texts))) for title, texts in sorted(made.items())}
        for kind, made in held.items()
    }


def material() -> str:
    """Digest of what the study is made from."""
    files = [*first_release().items(), *later_release().items(), *beside().items(), *history()]
    rows = [json.dumps(one) for one in (GYM, ASKED)]
    texts = [CORPUS, INTERVENTIONS, STUDY, TASK, TEMPLATE, *rows, *(f"{name}\n{data!r}" for name, data in files)]
    return _digest("\n".join(texts))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _content(file: Path) -> str:
    """Digest of a Parquet file's columns and rows, of another file's bytes."""
    data = file.read_bytes()
    if file.name == "yield.json":  # which sandbox could be had is the machine's
        data = json.dumps({**json.loads(data), "tier": ""}).encode()
    if file.suffix == ".parquet":
        table = pq.read_table(file)
        columns = [(field.name, str(field.type)) for field in table.schema]
        data = json.dumps([columns, table.to_pylist()], default=str).encode()
    return hashlib.sha256(data).hexdigest()
