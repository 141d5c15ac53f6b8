"""Documents that are made: mathematics problems with their answers, and templated instructions.

Mathematics comes from the task modules of reasoning-gym, imported straight out of the pinned wheel (its
dependencies need a compiler and are not needed by these tasks) and forgotten again. Instructions restate
documents of another ingredient's training split as a request and a response. Both are pure functions of
their parameters and inputs: every choice is a hash of the seed and the place, never a global generator.
"""

import decimal
import hashlib
import importlib
import sys
import types
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from assay.corpus.document import Document, read_documents
from assay.corpus.ingredient import InstructGenerator, MathGenerator
from assay.corpus.prose import factbook_parts, recipe_parts
from assay.errors import StepError

_PACKAGE = "reasoning_gym"
_MATH_FRAMES = (
    "Question: {question}\nAnswer: {answer}",
    "Problem: {question}\nSolution: {answer}",
    "Q: {question}\nA: {answer}",
)
_INSTRUCT_FRAMES = (
    "### Instruction:\n{request}\n\n### Response:\n{response}\n",
    "User: {request}\n\nAssistant: {response}\n",
    "Question: {request}\n\nAnswer: {response}\n",
)


def _choice(count: int, *key: object) -> int:
    """A number below ``count`` that depends on the key alone."""
    value = hashlib.sha256("\x1f".join(map(str, key)).encode()).digest()
    return int.from_bytes(value[:8], "big") % count


@contextmanager
def _reasoning_gym(wheel: Path, tasks: tuple[str, ...]) -> Iterator[Any]:
    """The factory module of reasoning-gym with ``tasks`` registered; unloaded at the end.

    The packages are registered bare, with only their place, so that the ``__init__`` of each (which imports
    every task and all their dependencies) is never run.
    """

    def loaded() -> dict[str, types.ModuleType]:
        names = [name for name in sys.modules if name.split(".")[0] == _PACKAGE]
        return {name: sys.modules.pop(name) for name in names}

    before = loaded()
    try:
        areas = {task.partition("/")[0] for task in tasks}
        for name in (_PACKAGE, *(f"{_PACKAGE}.{area}" for area in sorted(areas))):
            module = types.ModuleType(name)
            module.__path__ = [f"{wheel}/{name.replace('.', '/')}"]
            sys.modules[name] = module
        for task in tasks:
            importlib.import_module(f"{_PACKAGE}.{task.replace('/', '.')}")
        yield importlib.import_module(f"{_PACKAGE}.factory")
    except ImportError as error:
        raise StepError(f"{wheel.name} cannot give the tasks {', '.join(tasks)}: {error}") from error
    finally:
        loaded()
        sys.modules.update(before)


def generate_math(generator: MathGenerator, wheel: Path, source: str, licence: str) -> Iterator[Document]:
    """Documents of a few problems of one task each, until ``megabytes`` are reached.

    Args:
        generator: The parameters.
        wheel: The reasoning-gym wheel.
        source: Name that the documents get as their source.
        licence: Licence of the wheel.

    Raises:
        StepError: The wheel has no such task, or a task needs a module that is not installed.
    """
    fewest, most = generator.problems
    remaining = generator.megabytes * 1e6
    with _reasoning_gym(wheel, generator.tasks) as factory, decimal.localcontext(decimal.Context()):
        names = [task.rpartition("/")[2] for task in generator.tasks]
        seeds = {name: _choice(2**31, generator.seed, name) for name in names}  # one seed: the same numbers
        data = {name: factory.create_dataset(name, seed=seeds[name], size=2**31) for name in names}
        position = dict.fromkeys(names, 0)
        number = 0
        while remaining > 0:
            name = names[number % len(names)]
            place = f"{name}/{number // len(names):06d}"
            count = fewest + _choice(most - fewest + 1, generator.seed, place, "problems")
            frame = _MATH_FRAMES[_choice(len(_MATH_FRAMES), generator.seed, place, "frame")]
            start = position[name]
            position[name] += count
            problems = [_problem(name, data[name][index]) for index in range(start, start + count)]
            text = "\n\n".join(frame.format(question=q, answer=a) for q, a in problems) + "\n"
            remaining -= len(text.encode())
            number += 1
            yield Document(
                text=text,
                source=source,
                path=place,
                group=place,
                kind="math",
                language="English",
                licence=licence,
            )


def _problem(task: str, entry: dict[str, Any]) -> tuple[str, str]:
    answer = str(entry["answer"])
    if task == "power_function":  # asks for three significant figures but answers with all of a float's
        mantissa, _, exponent = f"{float(answer):.2e}".partition("e")
        answer = f"{mantissa}e{int(exponent):+d}"
    return entry["question"].strip(), answer


def generate_instruct(
    generator: InstructGenerator, readers: Mapping[str, str], parent: Path, source: str
) -> Iterator[Document]:
    """Instructions made from the training split in the folder ``parent``, in the order of a hash.

    Args:
        generator: The parameters.
        readers: Name of each of ``generator.sources`` to its reader, which says the shape of its documents.
        parent: Folder of a built ingredient.
        source: Name that the documents get as their source.
    """
    made: list[tuple[bytes, Document]] = []
    wanted = set(generator.sources)
    for document in read_documents(parent / "train.parquet"):
        if document.source not in wanted:
            continue
        for part, request, response in _requests(generator.seed, readers[document.source], document):
            place = f"{document.source}:{document.path}#{part}"
            frame = _INSTRUCT_FRAMES[_choice(len(_INSTRUCT_FRAMES), generator.seed, place, "frame")]
            order = hashlib.sha256(f"{generator.seed}\x1f{place}\x1forder".encode()).digest()
            instruction = Document(
                text=frame.format(request=request, response=response),
                source=source,
                path=place,
                group=f"{document.source}/{document.group}",
                kind="instruct",
                language=document.language,
                licence=document.licence,
            )
            made.append((order, instruction))
    remaining = generator.megabytes * 1e6
    for _, instruction in sorted(made, key=lambda pair: pair[0]):
        if remaining <= 0:
            return
        remaining -= len(instruction.text.encode())
        yield instruction


def _requests(seed: int, reader: str, document: Document) -> Iterator[tuple[str, str, str]]:
    """(part of the document, request, response)."""
    if reader == "recipes":
        yield from _recipe_requests(seed, document)
    elif reader == "factbook":
        yield from _factbook_requests(seed, document)
    elif reader == "articles":
        yield from _article_requests(seed, document)
    else:
        raise StepError(f"no instructions can be made of source {document.source}, read by {reader}")


def _recipe_requests(seed: int, document: Document) -> Iterator[tuple[str, str, str]]:
    title, ingredients, method = recipe_parts(document.text)
    if not (ingredients and method):
        return
    whole = f"Ingredients:\n{ingredients}\n\nMethod:\n{method}"
    asks = (
        (f"How do I make {title}?", whole),
        (f"Give me a recipe for {title}.", whole),
        (f"What ingredients do I need for {title}?", ingredients),
        (f"I have everything for {title} at hand. What are the steps?", method),
        (f"What dish can I cook with the following?\n\n{ingredients}", f"You can make {title}.\n\n{method}"),
    )
    yield "recipe", *asks[_choice(len(asks), seed, document.path)]


def _factbook_requests(seed: int, document: Document) -> Iterator[tuple[str, str, str]]:
    country, fields = factbook_parts(document.text)
    for field, paragraphs in fields:
        topic = field.removesuffix(" - note")
        topic = topic[:1].lower() + topic[1:] if topic[1:2].islower() else topic
        asks = (
            f"Describe the following aspect of {country}: {topic}.",
            f'What should I know about {country} under the heading "{field}"?',
            f"I am writing a report on {country}. Give me a paragraph about: {topic}.",
            f"{country}: {topic}?",
        )
        yield field, asks[_choice(len(asks), seed, document.path, field)], paragraphs


def _article_requests(seed: int, document: Document) -> Iterator[tuple[str, str, str]]:
    title, _, body = document.text.rstrip("\n").partition("\n\n")
    if not body:
        return
    first = body.partition(". ")[0].rstrip(".") + "."
    hidden = body.replace(title, "…")
    asks = (
        (f"Tell me about {title}.", body),
        (f"Write the opening of an encyclopaedia article on {title}.", body),
        (f"Explain in one sentence: {title}.", first),
        (f"Give this passage a title.\n\n{body}", title),
        (f"Which subject is left out of this passage?\n\n{hidden}", title)
        if hidden != body
        else (f"What do you know about {title}?", body),
    )
    yield "article", *asks[_choice(len(asks), seed, document.path)]
