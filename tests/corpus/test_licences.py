import importlib.metadata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.corpus.licences import PERMISSIVE, in_file, is_permissive, of_text, spdx

NOTICE_OF_MIT = "The above copyright notice and this permission notice shall be included in all copies."
MIT = (
    "MIT License\n\nCopyright (c) 2020 A\n\nPermission is hereby granted, free of charge, to any person obtaining\n"
    f'a copy of this software to deal in it.\n{NOTICE_OF_MIT}\n\nTHE SOFTWARE IS PROVIDED "AS IS"\n'
)
BSD = "Redistribution and use in source and binary forms, with or without\nmodification, are permitted provided that:\n"
NOTICE = (
    "This program is free software; you can redistribute it and/or modify it under the terms of the GNU "
    "{family}General Public\nLicense as published by the Free Software Foundation; either version {number} of the "
    "License, or (at your option)\nany later version."
)


@pytest.mark.parametrize(
    ("written", "expression"),
    [
        ("MIT", "MIT"),
        ("mit", "MIT"),
        ("MIT License", "MIT"),
        ("The MIT License (MIT)", "MIT"),
        ("Expat", "MIT"),
        ("Apache 2", "Apache-2.0"),
        ("Apache 2.0", "Apache-2.0"),
        ("Apache License 2.0", "Apache-2.0"),
        ("Apache License, Version 2.0", "Apache-2.0"),
        ("Apache Software License", "Apache-2.0"),
        ("BSD", "LicenseRef-BSD"),
        ("BSD License", "LicenseRef-BSD"),
        ("BSD 3-Clause License", "BSD-3-Clause"),
        ("BSD (3-clause)", "BSD-3-Clause"),
        ("2-clause BSD", "BSD-2-Clause"),
        ("GPLv3+", "GPL-3.0-or-later"),
        ("GPL-2+", "GPL-2.0-or-later"),
        ("GPL-3.0", "GPL-3.0-only"),
        ("LGPLv2", "LGPL-2.0-only"),
        ("GNU General Public License v3 or later (GPLv3+)", "GPL-3.0-or-later"),
        ("GNU Library or Lesser General Public License (LGPL)", "LGPL-2.0-or-later"),
        ("License :: OSI Approved :: GNU Affero General Public License v3", "AGPL-3.0-only"),
        ("License :: OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)", "MPL-2.0"),
        ("License :: OSI Approved :: ISC License (ISCL)", "ISC"),
        ("License :: CC0 1.0 Universal (CC0 1.0) Public Domain Dedication", "CC0-1.0"),
        ("License :: Other/Proprietary License", "Other/Proprietary License"),
        ("License :: OSI Approved", "unknown"),
        ("UNKNOWN", "unknown"),
        ("", "unknown"),
        ("public domain", "LicenseRef-Public-Domain"),
        ("ODC-BY", "ODC-By-1.0"),
        ("CC BY 4.0", "CC-BY-4.0"),
        ("cc-by-nc-sa-4.0", "CC-BY-NC-SA-4.0"),
        ("MIT/Apache-2.0", "MIT OR Apache-2.0"),
        ("MIT, BSD", "MIT AND LicenseRef-BSD"),
        ("(mit and bsd-3-clause) or gpl-2.0", "(MIT AND BSD-3-Clause) OR GPL-2.0-only"),
        ("Apache-2.0 with LLVM-exception", "Apache-2.0 WITH LLVM-exception"),
        ("see LICENSE.txt", "see LICENSE.txt"),
        (["MIT", "Apache-2.0"], "MIT AND Apache-2.0"),
        (["MIT OR GPL-2.0", "ISC"], "(MIT OR GPL-2.0-only) AND ISC"),
        ([], "unknown"),
        (MIT + "\n" * 1000, "MIT"),
    ],
)
def test_what_people_write_becomes_what_spdx_says(written: str | list[str], expression: str) -> None:
    assert spdx(written) == expression
    assert spdx(expression) == expression


@pytest.mark.parametrize(
    ("licence", "permissive"),
    [
        ("MIT", True),
        ("Apache-2.0+", True),
        ("CC-BY-4.0", True),
        ("CC-BY-SA-4.0", False),
        ("WTFPL", False),
        ("MPL-2.0", False),
        ("unknown", False),
        ("", False),
        ("GPL-3.0-only OR MIT", True),
        ("GPL-3.0-only AND MIT", False),
        ("MIT OR GPL-2.0-only AND Apache-2.0", True),
        ("(MIT OR GPL-2.0-only) AND Apache-2.0", True),
        ("(MIT AND GPL-2.0-only) OR EPL-2.0", False),
        ("Apache-2.0 WITH LLVM-exception", True),
        ("GPL-2.0-only WITH Classpath-exception-2.0", False),
        ("MIT AND", False),
        ("((MIT)", False),
        ("MIT)", False),
        ("MIT MIT", False),
        ("MIT WITH", False),
        ("(" * 900, False),
        ("see LICENSE", False),
    ],
)
def test_of_a_choice_one_permissive_side_is_enough_and_of_a_sum_none_may_fail(licence: str, permissive: bool) -> None:
    assert is_permissive(licence) is permissive


_licences = st.sampled_from(["MIT", "Apache-2.0", "GPL-3.0-only", "MPL-2.0"])
_trees = st.recursive(_licences, lambda inner: st.tuples(inner, st.sampled_from(["AND", "OR"]), inner), max_leaves=12)


@given(_trees)
def test_an_expression_means_what_its_tree_means(tree: object) -> None:
    def read(node: object) -> tuple[str, bool]:
        if isinstance(node, str):
            return node, node in PERMISSIVE
        assert isinstance(node, tuple)
        (left, of_left), (right, of_right) = read(node[0]), read(node[2])
        return f"({left} {node[1]} {right})", of_left and of_right if node[1] == "AND" else of_left or of_right

    written, permissive = read(tree)
    assert is_permissive(written) is permissive


@given(st.text(max_size=60))
def test_whatever_is_written_is_read_without_harm_and_the_same_when_read_again(written: str) -> None:
    once = spdx(written)
    assert once
    assert spdx(once) == once
    assert is_permissive(once) in (True, False)


@pytest.mark.parametrize(
    ("text", "licence"),
    [
        (MIT, "MIT"),
        (MIT.replace(NOTICE_OF_MIT, ""), "MIT-0"),
        (MIT + "\nExcept as contained in this notice, the name of A shall not be used", "X11"),
        (BSD + "1. Redistributions of source code must retain the notice.\n", "BSD-1-Clause"),
        (BSD + "2. Redistributions in binary form must reproduce the notice.\n", "BSD-2-Clause"),
        (BSD + "2. ... in binary form ...\n3. Neither the name of A may be used\n", "BSD-3-Clause"),
        (BSD + "3. All advertising materials must\n4. Neither the name of A\n", "BSD-4-Clause"),
        ("                  Apache License\n            Version 2.0, January 2004\n", "Apache-2.0"),
        ('# Licensed under the Apache License,\n# Version 2.0 (the "License");\n', "Apache-2.0"),
        (
            "Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is "
            "hereby granted, provided that the above copyright notice appear in all copies.",
            "ISC",
        ),
        (
            "Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is "
            "hereby granted.",
            "0BSD",
        ),
        ("GNU GENERAL PUBLIC LICENSE\n   Version 3, 29 June 2007\n" + NOTICE, "GPL-3.0-only"),
        ("GNU LESSER GENERAL PUBLIC LICENSE\n   Version 2.1, February 1999\n", "LGPL-2.1-only"),
        (NOTICE.format(family="", number=2), "GPL-2.0-or-later"),
        (NOTICE.format(family="Lesser ", number="2.1"), "LGPL-2.1-or-later"),
        (NOTICE.format(family="Affero ", number=3), "AGPL-3.0-or-later"),
        ("Mozilla Public License Version 2.0\n====\n", "MPL-2.0"),
        ("This is free and unencumbered software released into the public domain.\n", "Unlicense"),
        ("CC0 1.0 Universal\n", "CC0-1.0"),
        (MIT + "\n\n" + BSD + "in binary form\n", "MIT AND BSD-2-Clause"),
        ("All rights reserved.\n", None),
        ("", None),
    ],
)
def test_a_licence_text_is_known_by_its_phrases(text: str, licence: str | None) -> None:
    assert of_text(text) == licence


def test_the_licence_files_of_installed_packages_are_what_their_metadata_say() -> None:
    known = {"MIT", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "ISC", "MPL-2.0", "PSF-2.0"}
    seen = []
    for distribution in importlib.metadata.distributions():
        expression = distribution.metadata.json.get("license_expression", "")
        files = [
            file for file in distribution.files or [] if "licenses" in file.parts and file.parent.name == "licenses"
        ]
        if expression not in known or len(files) != 1:
            continue
        text = Path(str(distribution.locate_file(files[0]))).read_text(encoding="utf-8", errors="replace")
        if "license" in files[0].name.lower():
            found = of_text(text)
            assert found is not None, distribution.name
            assert expression in found.split(" AND "), distribution.name
            seen.append(found == expression)
    assert len(seen) >= 30
    assert sum(seen) >= 0.85 * len(seen)


@pytest.mark.parametrize(
    ("head", "licence"),
    [
        ("// SPDX-License-Identifier: MIT\nint a;\n", "MIT"),
        (
            "/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */\n",
            "(GPL-2.0-only WITH Linux-syscall-note) OR MIT",
        ),
        ("<!-- SPDX-License-Identifier: Apache-2.0 -->\n", "Apache-2.0"),
        (
            "# SPDX-License-Identifier: MIT\n# SPDX-License-Identifier: GPL-2.0+ OR ISC\n",
            "MIT AND (GPL-2.0-or-later OR ISC)",
        ),
        ('print("SPDX-License-Identifier: " + licence)\n', None),
        ("\n" * 5000 + "# SPDX-License-Identifier: MIT\n", None),
        ("x = 1\n", None),
    ],
)
def test_a_files_own_tag_is_read_from_its_head(head: str, licence: str | None) -> None:
    assert in_file(head) == licence


@pytest.mark.parametrize(
    "piece", ["(", "MIT AND (", " or ", "a/", "*", "-", "terms of the gnu general public license published by "]
)
def test_megabytes_of_anything_are_read_in_seconds(piece: str) -> None:
    text = piece * (3_000_000 // len(piece))
    assert of_text(text) is None
    assert in_file(text) is None
    assert not is_permissive(text)
