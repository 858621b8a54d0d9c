"""Rows without a person: what erasure makes of them, table by table."""

from __future__ import annotations

import polars as pl
import pyarrow as pa

from store.errors import IntegrityError
from store.events import FINGERPRINTS, TEXT, TEXTS
from store.integrity import leaves
from store.keeping.subjects import Subject, mentions, own
from store.tables.events import EVENTS
from store.tables.history import OWNERS
from store.tables.table import Table


def touched(table: Table, subject: Subject) -> pl.Expr:
    """Return the condition that a row holds anything of a person that can be taken out of it."""
    found = mentions(table, subject, erasable(table))
    if table is OWNERS:
        found |= pl.col("leaf").is_in(list(subject.leaves))
    return own(subject) | found if table is EVENTS else found


def erasable(table: Table) -> list[str]:
    """Return the columns a person can be taken out of: of events the sealed ones, else all texts and fingerprints.

    The other columns of events stand in the leaf themselves; that they name nobody is for the byte scan to tell.
    """
    if table is EVENTS:
        return [name for columns in leaves.CLASSES.values() for name in columns]
    return [f.name for f in table.schema if f.type in (TEXT, TEXTS, FINGERPRINTS) or f.name == "raw"]


def redacted(table: Table, rows: pa.Table, subject: Subject, token: str) -> pa.Table:
    """Return rows without a person's data; `token` stands where a name must stand for something.

    Rows are plain, not coded. Events stay as rows: their own lose every class of sealed columns, others those that
    mention the person, and leaves and proofs stay true. In other tables the names are replaced.
    """
    if table is EVENTS:
        return _events(rows, subject)
    frame = _polars(rows)
    if table is OWNERS:
        frame = frame.filter(~pl.col("leaf").is_in(list(subject.leaves)))
    return frame.with_columns(_replaced(table, subject, token)).to_arrow().cast(rows.schema)


def _events(rows: pa.Table, subject: Subject) -> pa.Table:
    frame = _polars(rows)
    before = rows["leaf_hash"]
    for name, columns in leaves.CLASSES.items():
        mask = frame.select(own(subject) | mentions(EVENTS, subject, columns)).to_series().to_arrow()
        rows = leaves.erase(rows, name, pa.array(mask))
    sealed = before.is_valid()
    if not leaves.leaves(rows).filter(sealed).equals(before.filter(sealed)):
        raise IntegrityError(
            "erasing would have changed a leaf", hint="nothing was committed; please report this"
        )
    return rows


def _replaced(table: Table, subject: Subject, token: str) -> list[pl.Expr]:
    """Return each column that can hold a name with the names replaced."""
    found = []
    for field in table.schema:
        column = pl.col(field.name)
        if field.type == FINGERPRINTS and subject.leaves:
            found.append(column.list.set_difference(list(subject.leaves)))
        elif not subject.names:
            continue
        elif field.type == TEXT:
            found.append(_without(column, subject, token))
        elif field.type == TEXTS:
            found.append(column.list.eval(_without(pl.element(), subject, token)))
        elif field.name == "raw":
            found.append(column.map_elements(lambda raw: _bytes_without(raw, subject, token), pl.Binary))
    return found


def _without(column: pl.Expr, subject: Subject, token: str) -> pl.Expr:
    """Replace names, twice: two that stand side by side share the character between them."""
    once = column.str.replace_all(subject.pattern, f"${{1}}{token}${{2}}")
    return once.str.replace_all(subject.pattern, f"${{1}}{token}${{2}}")


def _bytes_without(raw: bytes, subject: Subject, token: str) -> bytes:
    """Return a record without the names; one that holds any is replaced whole, for who knows what else it says."""
    text = raw.decode("utf-8", "replace")
    return raw if subject.without(text, token) == text else token.encode()


def _polars(rows: pa.Table) -> pl.DataFrame:
    frame = pl.from_arrow(rows)
    assert isinstance(frame, pl.DataFrame)
    return frame
