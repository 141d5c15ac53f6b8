"""Rows of a data set of the Hugging Face hub as candidates, streamed by the `datasets` library.

Nothing is downloaded as a whole, nothing is asked of the hub before the first row is wanted, and telemetry and the
count of downloads are switched off. Where the environment variable ``ASSAY_HUB`` names a folder that holds a copy in
the hub's layout (``owner/name/…``), that copy is read and the network is not touched: a copy of another revision cannot
be told from the right one. Rows become documents as in `records`. A data set that comes with a program of its own is
read by naming its ``data_files``.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from assay.corpus.candidate import Candidate
from assay.corpus.record_files import Header, batch_rows, column_names, file_format
from assay.corpus.records import RowReader
from assay.corpus.source import Hub, Source
from assay.errors import StepError

COPIES = "ASSAY_HUB"
"""Environment variable: folder of local copies."""
BATCH_ROWS = 256

_BUILDERS = {
    ".parquet": "parquet",
    ".jsonl": "json",
    ".ndjson": "json",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "csv",
    ".arrow": "arrow",
}


def read_hub(source: Source) -> Iterator[Candidate]:
    """Each wanted row of ``source.hub``, as ``source.records`` says, in the order of its files.

    The place is ``owner/name#id``, else as in `records.read_records`.

    Raises:
        StepError: The library is missing, there is no such data set, configuration, split or file, access is not given,
            the connection fails, or a file is damaged.
    """
    hub = source.hub
    if hub is None:
        raise StepError(f"source {source.name} names no data set of the hub")
    reader = RowReader(source)
    yield from reader.candidates(hub.name, _rows(source.name, hub, reader.columns))
    reader.finish()


def hub_fingerprint(hub: Hub) -> dict[str, str]:
    """What identifies the rows that are read: the data set and its revision, never where a copy lies."""
    return {
        "name": hub.name,
        "config": hub.config or "",
        "split": hub.split,
        "revision": hub.revision,
        "data_files": "\n".join(hub.data_files),
    }


def local_copy(name: str) -> Path | None:
    """The folder under ``ASSAY_HUB`` that holds the data set; None where there is none."""
    copies = os.environ.get(COPIES)
    owner, _, own = name.partition("/")
    if not copies or not own or "/" in own or {owner, own} & {"", ".", ".."}:
        return None
    folder = Path(copies) / owner / own
    return folder if folder.is_dir() else None


def _rows(source: str, hub: Hub, columns: tuple[str, ...]) -> Iterator[object]:
    """The rows, and a `Header` where the columns change; only the columns wanted are made Python values."""
    tops = {column.partition(".")[0] for column in columns} | set(columns)
    schema: Any = None
    for pattern in hub.data_files or (None,):
        for table in _told(source, hub, pattern):
            if table.schema != schema:
                schema = table.schema
                yield Header(column_names(schema))
            yield from batch_rows(table.select([name for name in schema.names if name in tops]), table.num_rows)


def _told(source: str, hub: Hub, pattern: str | None) -> Iterator[Any]:
    """The batches, with every failure as one line: the libraries below raise dozens of unrelated types."""
    try:
        tables = iter(_tables(hub, pattern))
        while (table := next(tables, None)) is not None:
            yield table
    except StepError as problem:
        raise StepError(f"source {source}: {problem}") from problem.__cause__
    except Exception as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        said = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
        place = hub.name if pattern is None else f"{hub.name}/{pattern}"
        raise StepError(f"source {source}: {place} at {hub.revision} cannot be read: {said}") from error


def _tables(hub: Hub, pattern: str | None) -> Iterator[Any]:
    """Arrow tables of the files that match the pattern; None: of those that the data set itself says."""
    try:
        import datasets
        import huggingface_hub
    except ImportError as error:
        raise StepError(
            f"{hub.name} is a data set of the Hugging Face hub; reading it needs: pip install 'assay[hf]'"
        ) from error
    datasets.config.HF_UPDATE_DOWNLOAD_COUNTS = False
    huggingface_hub.constants.HF_HUB_DISABLE_TELEMETRY = True
    copy = local_copy(hub.name)
    options: dict[str, Any] = {"split": hub.split, "streaming": True}
    if pattern is not None:
        # naming the library's own reader of the format keeps the data set's program out of the way
        ending = file_format(pattern)
        if ending not in _BUILDERS:
            raise StepError(f"{pattern}, of data_files, must end in a format that can be read: {', '.join(_BUILDERS)}")
        base = str(copy) if copy else f"hf://datasets/{hub.name}@{quote(hub.revision, safe='')}"
        if ending == ".tsv":
            options["sep"] = "\t"
        loaded = datasets.load_dataset(_BUILDERS[ending], data_files={hub.split: [f"{base}/{pattern}"]}, **options)
    elif copy:
        loaded = datasets.load_dataset(str(copy), hub.config, **options)
    else:
        loaded = datasets.load_dataset(hub.name, hub.config, revision=hub.revision, **options)
    yield from loaded.with_format("arrow").iter(batch_size=BATCH_ROWS)
