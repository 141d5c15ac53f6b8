import decimal
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from small_corpus import MakeWheel

from assay.corpus.document import Document, write_documents
from assay.corpus.generators import generate_instruct, generate_math
from assay.corpus.ingredient import InstructGenerator, MathGenerator
from assay.errors import StepError

# A wheel of the shape of reasoning-gym: packages whose __init__ cannot be imported, a factory, two tasks.
FACTORY = """
DATASETS = {}
def create_dataset(name, seed, size):
    return DATASETS[name](seed)
"""
SUM = """
import decimal
import random
from ..factory import DATASETS
class Sum:
    def __init__(self, seed):
        self.seed = seed
    def __getitem__(self, index):
        decimal.getcontext().prec = 5
        a, b = random.Random(self.seed + index).choices(range(1000), k=2)
        return {"question": f"{a} + {b} =\\n", "answer": a + b}
DATASETS["chain_sum"] = Sum
"""
POWER = """
from ..factory import DATASETS
class Power:
    def __init__(self, seed):
        pass
    def __getitem__(self, index):
        return {"question": "2.5^-3", "answer": str(2.5**-3)}
DATASETS["power_function"] = Power
"""
FILES = {
    "reasoning_gym/__init__.py": "raise ImportError('needs a compiler')",
    "reasoning_gym/arithmetic/__init__.py": "raise ImportError('needs a compiler')",
    "reasoning_gym/factory.py": FACTORY,
    "reasoning_gym/arithmetic/chain_sum.py": SUM,
    "reasoning_gym/arithmetic/power_function.py": POWER,
    "reasoning_gym/arithmetic/hungry.py": "import a_module_that_is_not_there",
}


def _math(*tasks: str, **changes: object) -> MathGenerator:
    given = {"name": "math", "package": "reasoning-gym", "seed": 3, "megabytes": 0.01, "problems": (2, 5)}
    return MathGenerator.model_validate({**given, "tasks": tasks, **changes})


def test_problems_come_out_of_the_wheel_with_right_answers(make_wheel: MakeWheel) -> None:
    _, path = make_wheel("reasoning_gym", FILES)
    generator = _math("arithmetic/chain_sum", "arithmetic/power_function")
    found = list(generate_math(generator, path, "math", "Apache-2.0"))
    assert 10_000 <= sum(len(item.text) for item in found) < 10_500
    assert len({item.group for item in found}) == len(found)
    sums = [match for item in found for match in re.findall(r"(\d+) \+ (\d+) =\n\w+: (\d+)\n", item.text)]
    assert len(sums) > 50
    assert all(int(a) + int(b) == int(total) for a, b, total in sums)
    assert len(set(sums)) == len(sums)
    counts = {item.text.count(" =\n") for item in found if item.path.startswith("chain_sum")}
    assert counts == {2, 3, 4, 5}
    assert all("6.40e-2" in item.text for item in found if item.path.startswith("power_function"))


def test_the_wheel_is_forgotten_and_no_global_state_is_touched(make_wheel: MakeWheel) -> None:
    _, path = make_wheel("reasoning_gym", FILES)
    precision, search = decimal.getcontext().prec, list(sys.path)
    list(generate_math(_math("arithmetic/chain_sum"), path, "math", "MIT"))
    assert not [name for name in sys.modules if name.startswith("reasoning_gym")]
    assert decimal.getcontext().prec == precision
    assert sys.path == search


def test_mathematics_is_the_same_in_another_process_with_another_hash_seed(make_wheel: MakeWheel) -> None:
    _, path = make_wheel("reasoning_gym", FILES)
    program = (
        "import sys, hashlib; from pathlib import Path;"
        "from assay.corpus.generators import generate_math; from assay.corpus.recipe import MathGenerator;"
        "g = MathGenerator.model_validate_json(sys.argv[1]);"
        "t = ''.join(d.text for d in generate_math(g, Path(sys.argv[2]), 'math', 'MIT'));"
        "print(hashlib.sha256(t.encode()).hexdigest())"
    )
    outputs = set()
    for seed in ("1", "2"):
        command = [sys.executable, "-c", program, _math("arithmetic/chain_sum").model_dump_json(), str(path)]
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        outputs.add(subprocess.run(command, env=environment, check=True, capture_output=True).stdout)
    assert len(outputs) == 1


def test_another_seed_gives_other_problems(make_wheel: MakeWheel) -> None:
    _, path = make_wheel("reasoning_gym", FILES)
    texts = [
        {item.text for item in generate_math(_math("arithmetic/chain_sum", seed=seed), path, "math", "MIT")}
        for seed in (1, 2)
    ]
    assert texts[0].isdisjoint(texts[1])


@pytest.mark.parametrize("task", ["arithmetic/hungry", "arithmetic/absent"])
def test_a_task_that_cannot_be_loaded_is_told(make_wheel: MakeWheel, task: str) -> None:
    _, path = make_wheel("reasoning_gym", FILES)
    with pytest.raises(StepError, match=r"reasoning_gym-1\.0-py3-none-any\.whl cannot give the tasks"):
        list(generate_math(_math(task), path, "math", "MIT"))
    assert not [name for name in sys.modules if name.startswith("reasoning_gym")]


READERS = {"how_to": "recipes", "facts": "factbook", "wiki": "articles"}
TEXTS = {
    "how_to": "Soup {n}\n\nSoups\n\nIngredients:\n- water {n}\n\nMethod:\n1. Boil {n}.\n",
    "facts": "Land {n}\n\nTerrain\nflat and wet {n}\n\nFlag\nblue {n}\n",
    "wiki": "Fox {n}\n\nFox {n} is an animal. It is quick.\n",
}


def _parent(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    for split, numbers in (("train", range(60)), ("heldout", range(100, 160))):
        documents = [
            Document(
                text=text.format(n=number),
                source=source,
                path=f"{source}#{number}",
                group=str(number),
                kind="text",
                language="English",
                licence=f"licence of {source}",
            )
            for source, text in TEXTS.items()
            for number in numbers
        ]
        write_documents(folder / f"{split}.parquet", documents)
    return folder


def _instruct(**changes: object) -> InstructGenerator:
    given = {"name": "instruct", "seed": 1, "megabytes": 1, "sources": list(READERS)}
    return InstructGenerator.model_validate({**given, **changes})


def test_instructions_use_the_training_split_alone_and_each_document(tmp_path: Path) -> None:
    found = list(generate_instruct(_instruct(), READERS, _parent(tmp_path / "text"), "instruct"))
    numbers = {int(item.group.partition("/")[2]) for item in found}
    assert numbers == set(range(60))
    assert len(found) == 60 * (1 + 2 + 1)
    assert {item.licence for item in found} == {f"licence of {source}" for source in READERS}
    assert {item.kind for item in found} == {"instruct"}
    asked = {item.text.replace(item.group.partition("/")[2], "N").splitlines()[0] for item in found}
    assert len(asked) > 12


def test_instructions_stop_at_the_size_and_are_a_prefix_of_more(tmp_path: Path) -> None:
    parent = _parent(tmp_path / "text")
    every = list(generate_instruct(_instruct(), READERS, parent, "instruct"))
    some = list(generate_instruct(_instruct(megabytes=0.005), READERS, parent, "instruct"))
    assert some == every[: len(some)]
    assert 5000 <= sum(len(item.text.encode()) for item in some) < 5500


def test_a_source_without_a_known_shape_is_told(tmp_path: Path) -> None:
    parent = _parent(tmp_path / "text")
    with pytest.raises(StepError, match="no instructions can be made of source wiki, read by files"):
        list(generate_instruct(_instruct(sources=["wiki"]), {"wiki": "files"}, parent, "instruct"))
