"""Who is to be erased, and the traces of a person: own rows, and what others' rows say of them."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_

import polars as pl
import pyarrow as pa

from store.events import FINGERPRINTS, TEXT, TEXTS
from store.keys import Hmac
from store.lake import Lake
from store.tables import TABLES
from store.tables.events import EVENTS
from store.tables.table import Table

IDENTITIES = ("user_id", "user_email", "user_name")
"""Columns of events by which a person is known."""
_LONGEST = 320
"""Characters of the longest name that is looked for by its digest; an e-mail address has 320 at most."""


@dataclass(frozen=True)
class Subject:
    """A person by every name they go by, and the fingerprints of those names; a ledger may know only these."""

    names: tuple[str, ...]
    leaves: tuple[int, ...] = ()

    @property
    def pattern(self) -> str:
        """Return a regular expression that finds the names as whole words, in any case, also as JSON escapes them."""
        forms = {form for name in self.names for form in (name, json.dumps(name)[1:-1])}
        either = "|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True))
        return rf"(?i)(^|[^\pL\pN_])(?:{either})($|[^\pL\pN_])"

    def without(self, text: str, token: str) -> str:
        """Return a text with the names replaced."""
        if not self.names:
            return text
        pattern = self.pattern.replace(r"\pL\pN", r"\w")
        for _ in range(2):  # two names side by side share the character between them
            text = re.sub(pattern, rf"\g<1>{token}\g<2>", text)
        return text


def digests_of(lake: Lake, names: Sequence[str]) -> list[str]:
    """Return the keyed digests by which a ledger knows names without holding them."""
    keyed = Hmac(lake.site_key, "erasure")
    return sorted(keyed.digest(name.casefold().encode()) for name in names)


def names_like(lake: Lake, digests: Sequence[str]) -> list[str]:
    """Return the names in the lake's tables that have these digests."""
    wanted, keyed = set(digests), Hmac(lake.site_key, "erasure")
    values: set[str] = set()
    for table in TABLES.values():
        texts = [f.name for f in table.stored if f.type in (TEXT, TEXTS)]
        for name in texts:
            column = lake.scan(table.name, (name,)).select(_flat(table, name)).unique().collect().to_series()
            values |= {v for v in column.to_list() if v and len(v) <= _LONGEST}
    return sorted(v for v in values if keyed.digest(v.casefold().encode()) in wanted)


def _flat(table: Table, name: str) -> pl.Expr:
    return pl.col(name).explode() if table.schema.field(name).type == TEXTS else pl.col(name)


def known_as(lake: Lake, names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return every name of a person, and those left out because other people's events carry them too.

    What stands beside a name in the events, as an address beside an id, is theirs if it stands nowhere else.
    """
    rows = lake.scan(EVENTS.name, IDENTITIES).unique().collect().rows()
    mine = {name.casefold() for name in names}
    found, shared = list(names), set()
    grown = True
    while grown:
        grown = False
        own = [row for row in rows if any(v and v.casefold() in mine for v in row)]
        others = [row for row in rows if row not in own]
        for value in sorted({v for row in own for v in row if v and v.casefold() not in mine}):
            if any(value in row for row in others):
                shared.add(value)
                continue
            mine.add(value.casefold())
            found.append(value)
            grown = True
    return found, sorted(shared - set(found))


def own(subject: Subject) -> pl.Expr:
    """Return the condition that an event is a person's own."""
    names = [name.lower() for name in subject.names]
    return reduce(or_, [pl.col(c).str.to_lowercase().is_in(names).fill_null(value=False) for c in IDENTITIES])


def mentions(table: Table, subject: Subject, columns: Sequence[str] | None = None) -> pl.Expr:
    """Return the condition that some of a table's columns, all unless named, mention a person."""
    fields = [f for f in table.schema if columns is None or f.name in columns]
    parts = [found for f in fields if (found := _mention(f, subject)) is not None]
    return reduce(or_, (p.fill_null(value=False) for p in parts), pl.lit(value=False))


def _mention(field: pa.Field, subject: Subject) -> pl.Expr | None:
    column, pattern = pl.col(field.name), subject.pattern
    if field.type == FINGERPRINTS and subject.leaves:
        return column.list.set_intersection(list(subject.leaves)).list.len() > 0
    if not subject.names:
        return None
    if field.type == TEXT:
        return column.str.contains(pattern)
    if field.type == TEXTS:
        return column.list.join("\n", ignore_nulls=True).str.contains(pattern)
    if pa.types.is_list(field.type) and pa.types.is_struct(field.type.value_type):
        return column.list.eval(pl.element().struct.json_encode()).list.join("\n").str.contains(pattern)
    if field.name == "raw":
        return column.map_elements(lambda raw: raw.decode("utf-8", "replace"), pl.String).str.contains(
            pattern
        )
    return None
