"""The licence that a package states of itself, as an SPDX expression where it can mean only one.

A wheel says it in its METADATA, an npm package in package.json, a Debian package in its copyright file where that is
written by the machine-readable format (DEP-5); ``unknown`` is said rather than guessed. Licences are not recognised by
their text, and a licence that holds for a part of a package only is not looked for: a recipe can name it.
"""

import json
import re
from email.parser import HeaderParser

from assay.corpus.licences import UNKNOWN, spdx

_DEBIAN = {
    "apache-2.0": "Apache-2.0",
    "artistic-2.0": "Artistic-2.0",
    "bsd-2-clause": "BSD-2-Clause",
    "bsd-3-clause": "BSD-3-Clause",
    "bsl-1.0": "BSL-1.0",
    "cc0-1.0": "CC0-1.0",
    "expat": "MIT",
    "isc": "ISC",
    "mit": "MIT",
    "mpl-1.1": "MPL-1.1",
    "mpl-2.0": "MPL-2.0",
    "psf-2": "PSF-2.0",
    "zlib": "Zlib",
}
_CREATIVE_COMMONS = re.compile(r"(cc-by(?:-nc)?(?:-sa|-nd)?-[1-4]\.[05])", re.IGNORECASE)
_GNU = re.compile(r"([AL]?GPL|GFDL)-([1-3](?:\.[0-3])?)(\+?)", re.IGNORECASE)


def of_wheel(metadata: str) -> str:
    """License-Expression, else a one-line License, else the classifiers, of a wheel's METADATA."""
    fields = HeaderParser().parsestr(metadata)
    for key in ("License-Expression", "License"):
        value = (fields.get(key) or "").strip()
        if value and len(value) <= 40 and "\n" not in value:
            return spdx(value)
    classifiers = [line for line in fields.get_all("Classifier", []) if line.startswith("License ::")]
    names = [line.rsplit("::", 1)[1].strip() for line in classifiers]
    return " AND ".join(map(spdx, names)) or UNKNOWN


def of_npm(package_json: bytes) -> str:
    """``license`` of a package.json; of the old form that lists several, any of which may be chosen."""
    try:
        fields = json.loads(package_json)
    except (ValueError, RecursionError):
        return UNKNOWN
    if not isinstance(fields, dict):
        return UNKNOWN
    said = fields.get("license", fields.get("licenses"))
    several = said if isinstance(said, list) else [said]
    types = [one.get("type") if isinstance(one, dict) else one for one in several]
    names = [name for name in types if isinstance(name, str) and 0 < len(name) <= 80 and "SEE LICEN" not in name]
    if len(names) < len(several):
        return UNKNOWN
    return " OR ".join(map(spdx, names)) or UNKNOWN


def of_debian(copyright_file: str) -> str:
    """The licence of ``Files: *`` in a machine-readable copyright file, its short names turned into SPDX's."""
    paragraphs = [_fields(paragraph) for paragraph in re.split(r"\n[ \t]*\n", copyright_file.replace("\r\n", "\n"))]
    if "format" not in paragraphs[0]:
        return UNKNOWN
    for fields in paragraphs:
        if "*" in fields.get("files", "").split() and "license" in fields:
            return _from_debian(fields["license"].partition("\n")[0])
    return UNKNOWN


def _fields(paragraph: str) -> dict[str, str]:
    found: dict[str, str] = {}
    key = ""
    for line in paragraph.split("\n"):
        if line[:1] in (" ", "\t") and key:
            found[key] += "\n" + line.strip()
        elif ":" in line and not line.startswith("#"):
            key, _, value = line.partition(":")
            key = key.strip().casefold()
            found[key] = value.strip()
    return found


def _from_debian(synopsis: str) -> str:
    words = re.split(r"\s+(and|or)\s+", synopsis.strip())
    names = [_debian_name(word) for word in words[::2]]
    if UNKNOWN in names:
        return UNKNOWN
    joined = [names[0]]
    for conjunction, name in zip(words[1::2], names[1:], strict=True):
        joined += [conjunction.upper(), name]
    return " ".join(joined)


def _debian_name(name: str) -> str:
    known = _DEBIAN.get(name.casefold())
    if known is not None:
        return known
    if _CREATIVE_COMMONS.fullmatch(name):
        return name.upper()
    gnu = _GNU.fullmatch(name)
    if gnu is None:
        return UNKNOWN
    family, number, later = gnu.groups()
    return f"{family.upper()}-{number if '.' in number else number + '.0'}-{'or-later' if later else 'only'}"
