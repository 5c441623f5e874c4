"""The rows of a manifest as CSV, JSON Lines and Parquet, written in one pass."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from workers.science.errors import RecipeError
from workers.science.export.frame_list import Collector
from workers.science.export.json_lines import JsonLinesWriter
from workers.science.manifest import ManifestTable

TABLES = {"csv": "manifest.csv", "jsonl": "manifest.jsonl", "parquet": "manifest.parquet"}
# A spreadsheet runs a field that begins with one of these (OWASP ASVS 5.0, 1.2.10), also after blanks
FORMULA = r"^[ \x{a0}]*[=+\-@\t\r\n\x00＝＋－＠]"

OnBlock = Callable[[int], None]


class CsvWriter(pyarrow.csv.CSVWriter):
    """Writes batches as CSV, without what a spreadsheet would run."""

    def write_batch(self, batch: pa.RecordBatch) -> None:
        """Write the rows of one block."""
        super().write_batch(without_formulas(batch))


def write_tables(
    table: ManifestTable,
    out: Path,
    on_block: OnBlock,
    formats: tuple[str, ...] = ("csv", "parquet"),
    collector: Collector | None = None,
) -> list[str]:
    """Write the rows of `table` in every format of `TABLES` that `formats` names.

    Parameters
    ----------
    table : ManifestTable
        Its counts and `decided` are complete afterwards, whatever the formats.
    out : Path
        An existing folder.
    on_block : callable
        Called with the number of rows written so far, after each block.
    formats : tuple of str
        Other formats than those of `TABLES` are passed over.
    collector : Collector, optional
        Gets the rows as well.

    Returns
    -------
    columns : list of str
        Names of the columns in order.

    Raises
    ------
    RecipeError
        If there is no row to write.
    """
    blocks = table.blocks()
    first = next(blocks, None)
    if first is None and table.n_indexed:
        raise RecipeError("Manifest", "no frame fits the choice", "Choose other frames")
    if first is None:
        raise RecipeError("Manifest", "the data set has no frames", "Register and index the source first")
    done = 0
    with ExitStack() as stack:
        paths = {name: str(out / file) for name, file in TABLES.items() if name in formats}
        writers = [stack.enter_context(_WRITERS[name](path, first.schema)) for name, path in paths.items()]
        writers += [collector] if collector else []
        pool = stack.enter_context(ThreadPoolExecutor(max(1, len(writers))))
        for block in _chain(first, blocks):
            # pyarrow lets go of the interpreter, so that formats are written beside each other
            list(pool.map(_write, writers, [block] * len(writers)))
            done += len(block)
            on_block(done)
    return first.schema.names


def _write(writer: Any, block: pa.RecordBatch) -> None:
    writer.write_batch(block)


def without_formulas(block: pa.RecordBatch) -> pa.RecordBatch:
    """Put an apostrophe in front of text that a spreadsheet would run; numbers stay as they are."""
    columns = []
    for column in block.columns:
        if pa.types.is_string(column.type):
            risky = pc.match_substring_regex(column, FORMULA)
            column = pc.if_else(risky, pc.binary_join_element_wise("'", column, ""), column)
        columns.append(column)
    return pa.RecordBatch.from_arrays(columns, schema=block.schema)


def _chain(first: pa.RecordBatch, rest: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield first
    yield from rest


_WRITERS = {"csv": CsvWriter, "jsonl": JsonLinesWriter, "parquet": pyarrow.parquet.ParquetWriter}
