"""Rows of data files read for rewriting, and the proof that two sets of files hold the same rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from store.datafile import FRESH
from store.errors import IntegrityError, UnreachableError
from store.integrity import streams
from store.lake import Lake
from store.snapshot import StoredFile
from store.tables.table import Table

REPORT = "nothing was committed; please report this"
_SEED = 0x6A09E667


def read_rows(root: Path, table: Table, file: StoredFile) -> pa.Table:
    """Return all columns of a file in the table's schema, the partition's among them; texts that repeat come coded.

    Columns that the file was written without are null. UnreachableError when it is gone or damaged.
    """
    coded = [f.name for f in table.stored if f.type == pa.string() and f.name not in FRESH]
    try:
        with pq.ParquetFile(
            root / file.path, read_dictionary=coded, page_checksum_verification=True
        ) as parquet:
            held = parquet.read()
    except (OSError, pa.ArrowException) as error:
        raise UnreachableError(
            f"a data file cannot be read: {error}",
            where=f"{root}/{file.path}",
            hint="`tooltrail doctor` says more",
        ) from error
    there = set(held.column_names)
    columns = [held[f.name] if f.name in there else pa.nulls(held.num_rows, f.type) for f in table.stored]
    day = pa.repeat(pa.scalar(file.day, pa.date32()), held.num_rows)
    return pa.table([*columns, day], names=[*table.stored.names, table.partition])


def joined(parts: Sequence[pa.Table]) -> pa.Table:
    """Return tables of one schema as one, whichever of their texts come coded."""
    plain = {
        name
        for part in parts
        for name in part.column_names
        if not pa.types.is_dictionary(part.schema.field(name).type)
    }
    return pa.concat_tables([_decoded(part, plain) for part in parts]).unify_dictionaries()


def _decoded(part: pa.Table, plain: set[str]) -> pa.Table:
    for place, field in enumerate(part.schema):
        if field.name in plain and pa.types.is_dictionary(field.type):
            part = part.set_column(place, field.name, part[field.name].cast(field.type.value_type))
    return part


def plain(rows: pa.Table) -> pa.Table:
    """Return rows without codes."""
    kinds = [f.type.value_type if pa.types.is_dictionary(f.type) else f.type for f in rows.schema]
    return rows.cast(pa.schema([f.with_type(kind) for f, kind in zip(rows.schema, kinds, strict=True)]))


def check_digest(root: Path, file: StoredFile, noted: str | None) -> None:
    """Raise IntegrityError unless a file is what was committed: what is damaged must not be rewritten as if sound."""
    if noted is None:
        return
    try:
        found = sha256((root / file.path).read_bytes()).hexdigest()
    except OSError as error:
        raise UnreachableError(f"cannot be read: {error.strerror}", where=f"{root}/{file.path}") from error
    if found != noted:
        raise IntegrityError(
            "the file is not what was committed",
            where=f"{root}/{file.path}",
            hint="`tooltrail doctor` says more",
        )


def check_roots(rows: pa.Table, files: Sequence[Path]) -> None:
    """Raise IntegrityError unless files hold, for each stream of each commit, the leaves that rows have, in order.

    Equal leaves have equal roots; that the leaves are true is for `verify`, and that all else is the same for
    `check_same`.
    """
    there = pa.concat_tables(
        pq.read_table(f, columns=list(streams.COLUMNS), partitioning=None) for f in files
    )
    if set(streams.leaves(rows)) != set(streams.leaves(there)):
        raise IntegrityError("rewriting would have changed the roots", where=str(files[0]), hint=REPORT)


@dataclass(frozen=True)
class RowDigest:
    """A digest of rows in whatever order they lie: their count, and the sum of their 64-bit hashes."""

    rows: int
    sum: int


def digest_of(lake: Lake, table: Table, paths: Sequence[Path]) -> RowDigest:
    """Return the digest over the rows of files, read by another reader than the one that rewrites them."""
    frame = _frame(lake, table, paths)
    return RowDigest(frame.height, int(frame.hash_rows(_SEED).sum()) % 2**64)


def _frame(lake: Lake, table: Table, paths: Sequence[Path]) -> pl.DataFrame:
    """Return the rows of files, in one scan: that of one small file costs more to plan than to carry out."""
    files = [lake.template(table.name), *map(str, paths)]
    frame = pl.scan_parquet(files, hive_partitioning=False, missing_columns="insert")
    return frame.select(table.stored.names).collect()


def check_same(lake: Lake, table: Table, before: Sequence[Path], after: Sequence[Path]) -> RowDigest:
    """Raise IntegrityError, naming what differs, unless two sets of files hold the same rows; return their digest."""
    first, second = digest_of(lake, table, before), digest_of(lake, table, after)
    if first != second:
        raise IntegrityError(
            f"rewriting would have changed rows: {_difference(lake, table, before, after)}",
            where=str(after[0].parent if after else before[0].parent),
            hint=REPORT,
        )
    return first


def _difference(lake: Lake, table: Table, before: Sequence[Path], after: Sequence[Path]) -> str:
    old, new = (_frame(lake, table, paths) for paths in (before, after))
    old, new = (frame.with_columns(h=frame.hash_rows(_SEED)) for frame in (old, new))
    key = table.stored.names[0]
    lost = old.filter(~pl.col("h").is_in(new["h"].implode()))[key].to_list()
    extra = new.filter(~pl.col("h").is_in(old["h"].implode()))[key].to_list()
    return (
        f"{old.height:,} rows became {new.height:,}; {len(lost):,} are not there as they were "
        f"({key} {', '.join(map(str, lost[:3]))}), {len(extra):,} are new ({', '.join(map(str, extra[:3]))})"
    )
