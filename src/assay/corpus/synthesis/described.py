"""What a data set card says of a folder of problems, read off the folder and measured on it."""

import shlex
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any

from assay.corpus.synthesis.card import CardFacts, Origin, write_card
from assay.corpus.synthesis.collection import RECORDS, REPEATED, Collection
from assay.corpus.synthesis.decontamination import compared
from assay.corpus.synthesis.measure.measures import measure
from assay.corpus.synthesis.verification.yields import Yield

MEASURED = 5000
"""Records that are measured at most."""
EXAMPLES = 4
_TITLES = {"composed": "Composed Python problems", "given": "Verified codeio problems", "model": "A model's problems"}
_SUMMARIES = {
    "composed": "Programming problems in Python, put together from operations whose meaning is known and proved by "
    "execution. No language model had a part in them.",
    "given": "The programming problems that come with reasoning-gym, those of them that could be proved by execution.",
    "model": "Programming problems that a language model wrote, those of them that could be proved by execution.",
}
VERIFIED = (
    "It parses, imports harmless modules of the standard library alone, and what is annotated passes mypy.",
    "It runs in a sandbox, gives the same results a second time and under three hash seeds, and leaves its arguments "
    "as they were.",
    "All its properties hold on at least 50 inputs.",
    "Its tests pass, and at least two of three wrong versions of the solution fail them.",
)
LIMITS = {
    "composed": (
        "Words follow from the operations, so statements are exact and sometimes stiff.",
        "Programs are functions on built-in types: no classes, files, networks or floating-point numbers.",
    ),
    "given": ("Statements were written by a model for reasoning-gym; only the programs were proved, not the words.",),
    "model": ("Only the programs were proved: that a statement asks for what its solution does, nobody has checked.",),
}


def describe(collection: Collection) -> Path:
    """Measure a folder and write its ``README.md``; returns its path.

    Raises:
        InputError: It holds no record.
        StepError: The disk is full or cannot be written.
    """
    about = collection.about
    maker = str(about["maker"])
    licences = Counter(record.problem.licence for record in collection.records())
    repeated = {"duplicate": {REPEATED: about["repeated"]}} if about["repeated"] else {}
    facts = CardFacts(
        title=_TITLES[maker],
        summary=_SUMMARIES[maker],
        origins=[
            Origin(maker=maker, source=_source(about), licence=licence, records=count)
            for licence, count in licences.items()
        ],
        yields={maker: Yield(about["made"], about["refused"]) + Yield(0, repeated)},
        surplus={maker: collection.surplus},
        files={"default": {"train": RECORDS}},
        command=_command(about, collection.folder),
        version=about["version"],
        seed=int(about["asked"].get("seed", 0)),
        measures=measure(collection.folder / RECORDS, {}, most=MEASURED),
        comparison=compared(collection),
        examples=list(islice(collection.records(), EXAMPLES)),
        limits=LIMITS[maker],
        verified=VERIFIED,
    )
    write_card(collection.folder, facts)
    return collection.folder / "README.md"


def _source(about: Any) -> str:
    asked = about["asked"]
    if about["maker"] == "given":
        return f"{asked['package']} {asked['version']}"
    return f"model {asked['model']}" if about["maker"] == "model" else f"assay {about['version']}"


def _command(about: Any, folder: Path) -> str:
    asked, maker = about["asked"], about["maker"]
    words = ["assay", "synth", maker]
    if maker == "model":
        words += ["--url", "URL", "--name", asked["model"]]
        words += [word for name in ("questions", "repairs") for word in (f"--{name}", str(asked[name]))]
    if asked.get("records") is not None:
        words += ["--records", str(asked["records"])]
    if "seed" in asked:
        words += ["--seed", str(asked["seed"])]
    if asked.get("depths"):
        words += ["--depths", ",".join(f"{depth}:{weight:g}" for depth, weight in asked["depths"].items())]
    making = shlex.join([*words, "--out", folder.name])
    left_out = "overlap" in about["refused"]
    return f"{making}\n{shlex.join(['assay', 'synth', 'card', folder.name])}" if left_out else making
