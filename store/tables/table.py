"""What a table of the lake is: schema, partition, sort order, and what its statistics may show."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True)
class Table:
    """One Delta table.

    `statistics` are the columns whose least and greatest values go into the table's log: never personal ones,
    because what is in the log outlives an erasure. `blooms` get a Bloom filter in each file; `indexed` columns get
    a list of their values' hashes beside each file, by which files are skipped; those of `keyed`, the personal ones
    among them, are hashed under a key of the lake. Rows whose column has the value of `apart` lie before the others
    of their file, in row groups of their own. `packed` columns are stored as packed differences.
    """

    name: str
    meaning: str
    schema: pa.Schema
    partition: str
    statistics: tuple[str, ...]
    order: tuple[str, ...] = ()
    blooms: tuple[str, ...] = ()
    indexed: tuple[str, ...] = ()
    keyed: tuple[str, ...] = ()
    apart: tuple[str, str] | None = None
    packed: tuple[str, ...] = ()

    @property
    def stored(self) -> pa.Schema:
        """The schema of the data files: the partition column lives in the path."""
        return pa.schema([f for f in self.schema if f.name != self.partition])
