"""Which licence a document is under, in SPDX's words, and whether it is permissive.

The permissive software licences are the Blue Oak Council's list (version 15, from its model to bronze: not ``lead``,
whose wording leaves doubts), which The Stack's second edition went by too (Lozhkov et al. 2024); for prose and data
the licences that ask for no more than attribution are added. What cannot be told is ``unknown`` and not permissive; of
several licences in one text all are taken to hold. Texts are recognised by phrases that only they have, not compared
as a whole: this is sorting, not legal advice.
"""

import re
from collections.abc import Iterable, Iterator

UNKNOWN = "unknown"
PUBLIC_DOMAIN = "LicenseRef-Public-Domain"
BSD = "LicenseRef-BSD"
"""Packages that say BSD and not which; all are permissive."""

_SOFTWARE = """
0BSD ADSL AFL-1.1 AFL-1.2 AFL-2.0 AFL-2.1 AFL-3.0 AMDPLPA AML AMPAS ANTLR-PD ANTLR-PD-fallback APAFML Apache-1.0
Apache-1.1 Apache-2.0 Artistic-2.0 BSD-1-Clause BSD-2-Clause BSD-2-Clause-FreeBSD BSD-2-Clause-NetBSD
BSD-2-Clause-Patent BSD-2-Clause-Views BSD-3-Clause BSD-3-Clause-Attribution BSD-3-Clause-Clear BSD-3-Clause-HP
BSD-3-Clause-LBNL BSD-3-Clause-Modification BSD-3-Clause-No-Nuclear-License-2014
BSD-3-Clause-No-Nuclear-Warranty BSD-3-Clause-Open-MPI BSD-3-Clause-Sun BSD-4-Clause BSD-4-Clause-Shortened
BSD-4-Clause-UC BSD-Source-Code BSL-1.0 Bahyph Barr BlueOak-1.0.0 CC0-1.0 CFITSIO CNRI-Jython CNRI-Python
CNRI-Python-GPL-Compatible Clips Cube DSDP ECL-1.0 ECL-2.0 Entessa FTL HPND-Fenneberg-Livingston
HPND-sell-regexpr HTMLTIDY IBM-pibs ICU ISC ImageMagick Info-ZIP Intel Intel-ACPI JasPer-2.0 LPPL-1.3c
LZMA-SDK-9.22 Libpng Linux-OpenIB MIT MIT-0 MIT-CMU MIT-Modern-Variant MIT-Wu MIT-advertising MIT-enna MIT-feh
MIT-open-group MIT-testregex MITNFA MS-PL MTLL MulanPSL-1.0 MulanPSL-2.0 Multics Mup NCSA NICTA-1.0
NIST-Software NTP Naumen Net-SNMP NetCDF OGL-Canada-2.0 OLDAP-2.0 OLDAP-2.0.1 OLDAP-2.1 OLDAP-2.2 OLDAP-2.2.1
OLDAP-2.2.2 OLDAP-2.3 OLDAP-2.4 OLDAP-2.5 OLDAP-2.6 OLDAP-2.7 OLDAP-2.8 OML OpenSSL PHP-3.0 PHP-3.01 PSF-2.0
Plexus PostgreSQL Python-2.0 Ruby SGI-B-2.0 SHL-0.5 SMLNJ SWL Saxpath Spencer-99 SunPro Symlinks TCL
TCP-wrappers UCAR UPL-1.0 Unicode-DFS-2015 Unicode-DFS-2016 UnixCrypt Unlicense VSL-1.0 W3C X11 XFree86-1.1
Xerox Xfig Xnet ZPL-2.0 ZPL-2.1 Zlib bcrypt-Solar-Designer bzip2-1.0.5 bzip2-1.0.6 curl eGenix fwlw hdparm
libpng-2.0 libtiff xlock xpp zlib-acknowledgement
"""
_NEWER = "Python-2.0.1 Unicode-3.0"
"""The same texts as two of the list, named after it was made."""
_DATA = """
CC-BY-1.0 CC-BY-2.0 CC-BY-2.5 CC-BY-3.0 CC-BY-4.0 CC-PDDC CDLA-Permissive-1.0 CDLA-Permissive-2.0 ODC-By-1.0 PDDL-1.0
"""
PERMISSIVE = frozenset([*_SOFTWARE.split(), *_NEWER.split(), *_DATA.split(), PUBLIC_DOMAIN, BSD])
"""SPDX identifiers of the licences that ask for no more than notices and attribution."""

_OTHERS = """
Artistic-1.0 Artistic-1.0-Perl Beerware CC-BY-NC-4.0 CC-BY-SA-3.0 CC-BY-SA-4.0 CDDL-1.0 CPL-1.0 EPL-1.0 EPL-2.0 EUPL-1.2
GFDL-1.3-or-later HPND MPL-1.1 MPL-2.0 OFL-1.1 ODbL-1.0 Vim WTFPL
"""
_BY_NAME = {identifier.casefold(): identifier for identifier in [*sorted(PERMISSIVE), *_OTHERS.split()]} | {
    "academic free license": "AFL-3.0",
    "apache": "Apache-2.0",
    "apache software": "Apache-2.0",
    "artistic": "Artistic-1.0-Perl",
    "asl": "Apache-2.0",
    "bsd": BSD,
    "cc0": "CC0-1.0",
    "expat": "MIT",
    "iscl": "ISC",
    "modified bsd": "BSD-3-Clause",
    "new bsd": "BSD-3-Clause",
    "new or revised bsd": "BSD-3-Clause",
    "odc-by": "ODC-By-1.0",
    "psf": "PSF-2.0",
    "psf-2": "PSF-2.0",
    "psfl": "PSF-2.0",
    "public domain": PUBLIC_DOMAIN,
    "public-domain": PUBLIC_DOMAIN,
    "python software foundation": "PSF-2.0",
    "revised bsd": "BSD-3-Clause",
    "simplified bsd": "BSD-2-Clause",
    "universal permissive": "UPL-1.0",
    "zlib/libpng": "Zlib",
    "zope public": "ZPL-2.1",
}
_BY_PATTERN = [
    (re.compile(pattern), identifier)
    for pattern, identifier in (
        (r"(?:apache|asl)[ -]?(?:software )?(?:v(?:ersion)? ?)?2(?:\.0)?", "Apache-2.0"),
        (r"(?:bsd[ -]?3|3)(?:[ -]clause)?(?: (?:new )?bsd)?", "BSD-3-Clause"),
        (r"(?:bsd[ -]?2|2)(?:[ -]clause)?(?: (?:simplified )?bsd)?", "BSD-2-Clause"),
        (r"boost(?: software)?(?: 1\.0)?", "BSL-1.0"),
        (r"cc0[ -]1\.0 universal.*", "CC0-1.0"),
        (r"mit/(?:x11|expat)", "MIT"),
        (r"mit no attribution", "MIT-0"),
        (r"(?:mozilla public|mpl)[ -]?(?:v(?:ersion)? ?)?2(?:\.0)?", "MPL-2.0"),
    )
]
_CREATIVE_COMMONS = re.compile(r"(?:cc|creative commons)[ -](by(?:-nc)?(?:-sa|-nd)?|attribution)[ -]([1-4]\.[05])\b.*")
_GNU = re.compile(
    r"(?:gnu )?(?:(?P<word>affero |lesser |library (?:or lesser )?)?general public|(?P<letter>[al])?gpl)"
    r"(?:[ -]?v?(?P<number>[1-3](?:\.[0-9])?))?(?P<later> ?\+| or later| or greater|-or-later)?(?:-only| only)?"
)
_OPERATORS = re.compile(r"\s+(and|or|with)\s+|([()])|\s*[,;]\s*", re.IGNORECASE)
_ABBREVIATION = re.compile(r"\s\(([^()]*)\)\Z")
_FILLING = re.compile(r"\b(?:the|licen[cs]es?|version|agreement)\b|,")
_LONGEST = 1000
"""Characters of the longest expression; beyond it a text was written, not a name."""


def spdx(written: str | Iterable[str]) -> str:
    """SPDX's words for what a package, a data set or a file's head says its licence is.

    Names that can mean only one licence are turned into its identifier, in expressions and trove classifiers too;
    others stay as they were written. ``MIT/Apache-2.0`` is a choice (Cargo's old way), a comma or a list joins what
    all holds. A whole text is recognised by :func:`of_text`. Nothing said is ``unknown``.
    """
    if not isinstance(written, str):
        return " AND ".join(_bracketed(spdx(one)) for one in written) or UNKNOWN
    if len(written) > _LONGEST:
        return of_text(written) or UNKNOWN
    name = " ".join(written.split())
    if name.startswith("License ::"):
        name = name.rpartition(" :: ")[2]
    whole = _identifier(name)
    if whole is not None:
        return whole
    choices = [_identifier(choice) for choice in name.split("/")]
    if None not in choices:
        return " OR ".join(filter(None, choices))
    terms = []
    end = 0
    for found in _OPERATORS.finditer(name):
        terms += [name[end : found.start()], (found[1] or found[2] or "and").upper()]
        end = found.end()
    terms = [term.strip() for term in [*terms, name[end:]] if term.strip()]
    return " ".join(_identifier(term) or term for term in terms).replace("( ", "(").replace(" )", ")")


def _bracketed(expression: str) -> str:
    return f"({expression})" if " OR " in expression else expression


def _identifier(name: str) -> str | None:
    """The licence that a single name can only mean."""
    lower = name.casefold()
    if lower in {"", "unknown", "none", "noassertion", "osi approved"}:
        return UNKNOWN
    for form in (lower, _ABBREVIATION.sub(r" \1", lower), _ABBREVIATION.sub("", lower)):
        for short in (form, " ".join(_FILLING.sub(" ", form).split())):
            if short in _BY_NAME:
                return _BY_NAME[short]
            for pattern, identifier in _BY_PATTERN:
                if pattern.fullmatch(short):
                    return identifier
            if commons := _CREATIVE_COMMONS.fullmatch(short):
                return f"CC-{commons[1].replace('attribution', 'by').upper()}-{commons[2]}"
            if gnu := _GNU.fullmatch(short):
                return _gnu(gnu["word"] or gnu["letter"] or "", gnu["number"], bool(gnu["later"]))
    return None


def _gnu(word: str, number: str | None, later: bool) -> str:
    family = {"": "GPL", "a": "AGPL"}.get(word[:1], "LGPL")
    if number is None:
        return {"GPL": "GPL-1.0-or-later", "LGPL": "LGPL-2.0-or-later", "AGPL": "AGPL-3.0-or-later"}[family]
    return f"{family}-{number if '.' in number else number + '.0'}-{'or-later' if later else 'only'}"


def is_permissive(licence: str) -> bool:
    """Whether an expression leaves one free to choose only permissive licences.

    Of ``OR`` one side must be permissive, of ``AND`` both; an exception (``WITH``) only ever allows more. What is not
    known, and what is no expression, is not permissive.
    """
    words = re.findall(r"[()]|[^\s()]+", spdx(licence))
    try:
        value, rest = _either(words, 0)
    except (IndexError, RecursionError):
        return False
    return value and rest == len(words)


def _either(words: list[str], at: int) -> tuple[bool, int]:
    value, at = _both(words, at)
    while at < len(words) and words[at].upper() == "OR":
        right, at = _both(words, at + 1)
        value = value or right
    return value, at


def _both(words: list[str], at: int) -> tuple[bool, int]:
    value, at = _one(words, at)
    while at < len(words) and words[at].upper() == "AND":
        right, at = _one(words, at + 1)
        value = value and right
    return value, at


def _one(words: list[str], at: int) -> tuple[bool, int]:
    if words[at] == "(":
        value, at = _either(words, at + 1)
        return value and words[at] == ")", at + 1
    value = words[at].removesuffix("+") in PERMISSIVE
    if at + 1 < len(words) and words[at + 1].upper() == "WITH":
        return value and words[at + 2] not in "()", at + 3
    return value, at + 1


_MIT = "permission is hereby granted, free of charge, to any person obtaining a copy"
_ISC = re.compile(
    r"permission to use, copy, modify,? and/?(?:or)? distribute this (?:software|code) for any purpose with or without "
    r"fee is hereby granted(, provided)?"
)
_BSD_TEXT = re.compile(r"redistributions? and use (?:of this software )?in source and binary forms")
_OPENINGS = (
    ("apache license version 2.0, january 2004", "Apache-2.0"),
    ("licensed under the apache license, version 2.0", "Apache-2.0"),
    ("mozilla public license version 2.0", "MPL-2.0"),
    ("terms of the mozilla public license, v. 2.0", "MPL-2.0"),
    ("mozilla public license version 1.1", "MPL-1.1"),
    ("blue oak model license", "BlueOak-1.0.0"),
    ("gnu affero general public license version 3, 19 november 2007", "AGPL-3.0-only"),
    ("gnu lesser general public license version 3, 29 june 2007", "LGPL-3.0-only"),
    ("gnu lesser general public license version 2.1, february 1999", "LGPL-2.1-only"),
    ("gnu library general public license version 2, june 1991", "LGPL-2.0-only"),
    ("gnu general public license version 3, 29 june 2007", "GPL-3.0-only"),
    ("gnu general public license version 2, june 1991", "GPL-2.0-only"),
    ("gnu general public license version 1, february 1989", "GPL-1.0-only"),
    ("gnu free documentation license version 1.3, 3 november 2008", "GFDL-1.3-only"),
    ("this is free and unencumbered software released into the public domain", "Unlicense"),
    ("cc0 1.0 universal", "CC0-1.0"),
    ("creative commons attribution 4.0 international", "CC-BY-4.0"),
    ("creative commons attribution-sharealike 4.0 international", "CC-BY-SA-4.0"),
    ("creative commons attribution-noncommercial", "CC-BY-NC-4.0"),
    ("boost software license - version 1.0", "BSL-1.0"),
    ("altered source versions must be plainly marked as such", "Zlib"),
    ("this license agreement is between the python software foundation", "PSF-2.0"),
    ("eclipse public license - v 2.0", "EPL-2.0"),
    ("the artistic license 2.0", "Artistic-2.0"),
    ("the intent of this document is to state the conditions under which a package may be copied", "Artistic-1.0"),
    ("and without a written agreement is hereby granted", "PostgreSQL"),
    ("do what the fuck you want to public license", "WTFPL"),
)
_GNU_NOTICE = re.compile(
    r"terms of (?:version (?P<before>[123](?:\.[01])?) of )?the gnu (?P<family>affero |lesser |library )?"
    r"general public license,?(?: as)? published by the free software foundation[,;:]?"
    r"(?: either)?(?: \(?version (?P<number>[123](?:\.[01])?))?(?P<rest>.{0,80})"
)
_DECORATION = re.compile(r"[*#;\"'`“”‘’]+|//+|--+|==+")
_LONGEST_TEXT = 400_000
"""Characters of a licence file that are read; notices of bundled software fill some with megabytes."""


def of_text(text: str) -> str | None:
    """The licence that a text is, or that a notice in it names; all of them joined by AND; None where there is none.

    Known are MIT, MIT-0, X11, NCSA, BSD with 1 to 4 clauses, Apache-2.0, ISC, 0BSD, Zlib, BSL-1.0, PSF-2.0, PostgreSQL,
    Unlicense, BlueOak, CC0, CC-BY, CC-BY-SA and CC-BY-NC 4.0, MPL, EPL-2.0, Artistic, WTFPL, and the GNU licences. The
    text of a GNU licence alone does not say whether later versions may be chosen, and counts as ``-only``.
    """
    plain = " ".join(_DECORATION.sub(" ", text[:_LONGEST_TEXT]).casefold().split())
    found = dict(sorted((at, name) for at, name in _found(plain)))
    names = list(dict.fromkeys(found.values()))
    return " AND ".join(names) or None


def _found(plain: str) -> Iterator[tuple[int, str]]:
    gnu = False
    for phrase, identifier in _OPENINGS:
        at = plain.find(phrase)
        if at >= 0:
            yield at, identifier
            gnu = gnu or "GPL" in identifier
    if not gnu:
        for notice in _GNU_NOTICE.finditer(plain):
            yield notice.start(), _of_notice(notice)
    if (at := plain.find(_MIT)) >= 0:
        yield at, _mit_variant(plain[at : at + 1800])
    if (isc := _ISC.search(plain)) is not None:
        yield isc.start(), "ISC" if isc.group(1) else "0BSD"
    for bsd in _BSD_TEXT.finditer(plain):
        yield bsd.start(), _bsd_variant(plain[bsd.start() : bsd.start() + 1600])


def _of_notice(notice: re.Match[str]) -> str:
    later = "later version" in notice["rest"] or "or later" in notice["rest"]
    return _gnu(notice["family"] or "", notice["before"] or notice["number"], later)


def _mit_variant(text: str) -> str:
    if "to deal with the software without restriction" in text:
        return "NCSA"
    if "except as contained in this notice, the name" in text:
        return "X11"
    return "MIT" if "permission notice" in text or "above copyright notice" in text else "MIT-0"


def _bsd_variant(text: str) -> str:
    text = text[20:].partition("redistribution and use in source")[0]
    if "all advertising materials" in text:
        return "BSD-4-Clause"
    if "neither the name" in text or "endorse or promote" in text or "names of its contributors" in text:
        return "BSD-3-Clause"
    return "BSD-2-Clause" if "binary form" in text[40:] else "BSD-1-Clause"


_TAG = re.compile(r"SPDX-License-Identifier:[ \t]*([A-Za-z0-9.+()-]+(?:[ \t]+[A-Za-z0-9.+()-]+)*)")
HEAD = 4096
"""Characters at the beginning of a file in which SPDX's tag is looked for."""


def in_file(text: str) -> str | None:
    """What the ``SPDX-License-Identifier`` tags in a file's head say, joined by AND; None without one."""
    head = text[:HEAD]
    if "SPDX-License-Identifier:" not in head:
        return None
    said = [re.sub(r"\s*-+$", "", tag.group(1)).strip() for tag in _TAG.finditer(head)]
    names = dict.fromkeys(_bracketed(spdx(one)) for one in said if one)
    if len(names) == 1:
        return spdx(next(one for one in said if one))
    return " AND ".join(names) or None
