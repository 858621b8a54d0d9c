"""Before events leave the lake: the hashes over their leaves are kept, by which the others can still be proven."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from store.integrity import retired, streams
from store.lake import Lake
from store.snapshot import StoredFile
from store.tables.events import EVENTS
from store.tables.integrity import RETIRED_LEAVES


def retire(lake: Lake, files: Sequence[StoredFile], gone: Sequence[pa.Array], reason: str) -> dict[str, str]:
    """Make durable what proofs need once rows of files are gone; returns what the removing commit must note.

    `gone` says for each row of each file whether it goes.
    """
    root = lake.path / EVENTS.name
    columns = list(streams.COLUMNS)
    theirs = [pq.read_table(root / file.path, columns=columns, partitioning=None) for file in files]
    going = pa.chunked_array(
        [part.combine_chunks() if isinstance(part, pa.ChunkedArray) else part for part in gone]
    )
    rows = pa.concat_tables(theirs)
    batches = pc.unique(rows.filter(going)["batch_id"]).drop_null().to_pylist()
    if not batches or lake.log is None:
        return {}
    rest = _others(lake, files, batches)
    both = pa.concat_tables([rows, rest])
    mask = pa.concat_arrays([*going.chunks, pa.array([False] * rest.num_rows, pa.bool_())])
    removal = secrets.token_hex(8)
    took_place = retired.removals(entry for _, entry in lake.log.entries())
    stored = lake.scan(RETIRED_LEAVES.name, RETIRED_LEAVES.stored.names).filter(
        pl.col("batch_id").is_in(batches)
    )
    known = retired.read(stored.collect().to_arrow(), took_place)
    here = pc.is_in(both["batch_id"], pa.array(batches, pa.string())).combine_chunks()
    moment = datetime.now(UTC)
    nodes = retired.nodes(both.filter(here), mask.filter(here), known, removal, reason, moment)
    lake.append(RETIRED_LEAVES.name, nodes)
    return {"retired": removal}


def _others(lake: Lake, files: Sequence[StoredFile], batches: Sequence[str]) -> pa.Table:
    """Return the rows of the same batches that lie in other files."""
    root = lake.path / EVENTS.name
    here = {file.path for file in files}
    paths = [str(root / f.path) for f in lake.snapshot(EVENTS.name).files if f.path not in here]
    schema = pa.schema([EVENTS.schema.field(name) for name in streams.COLUMNS])
    if not paths:
        return schema.empty_table()
    within = [("batch_id", "in", list(batches))]
    return pq.read_table(
        paths, columns=list(streams.COLUMNS), filters=within, partitioning=None, schema=EVENTS.stored
    )
