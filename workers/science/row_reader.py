"""Read a Parquet file from its beginning, as many rows at a time as another file has in its blocks."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

_BLOCK = 1 << 14


class RowReader:
    """The rows of a file in order; never more of them in memory than are asked for at once.

    Parameters
    ----------
    path : Path
        A Parquet file; its groups of rows may be of any length.
    """

    def __init__(self, path: Path) -> None:
        self._batches = pyarrow.parquet.ParquetFile(path).iter_batches(_BLOCK)
        self._kept: list[pa.RecordBatch] = []
        self._n_kept = 0

    def take(self, n_rows: int) -> dict[str, pa.Array]:
        """Return the columns of the next `n_rows` rows, NaN as null; the file must have so many."""
        while self._n_kept < n_rows:
            batch = next(self._batches)
            self._kept.append(batch)
            self._n_kept += len(batch)
        there = pa.Table.from_batches(self._kept)
        self._kept, self._n_kept = there.slice(n_rows).to_batches(), len(there) - n_rows
        rows = there.slice(0, n_rows)
        return {name: nan_as_null(rows.column(name).combine_chunks()) for name in rows.column_names}


def nan_as_null(column: pa.Array) -> pa.Array:
    """Return a column in which what is not known is null: in a CSV, a field is a number or empty."""
    if not pa.types.is_floating(column.type):
        return column
    return pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
