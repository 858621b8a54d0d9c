"""Take a snapshot in: what it says anew, otherwise, or no longer, becomes a row; all of it, or nothing."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from analytics.entitlements.catalog import Format
from analytics.entitlements.facts import Fact, Facts, fact_id
from analytics.entitlements.reading import File
from store.commit import Advance
from store.errors import UsageError
from store.lake import Lake
from store.tables import TABLES

STREAM = "entitlements"
_MOST_FAULTS = 20
_KEPT = {
    "entitlement_states": ("entitlement_id", "entitlement_changes"),
    "principal_states": ("principal_id", "principal_changes"),
}

Row = dict[str, Any]


@dataclass(frozen=True)
class Import:
    """One import as it was taken in: its version, and how much changed against the one of its source before."""

    version: int
    import_source: str
    entitlements: int
    principals: int
    granted: int
    revoked: int
    changed: int


def read(format_: Format, files: Sequence[File]) -> Facts:
    """Return what the files say together; UsageError that names file, line and column of what is wrong."""
    facts = sum((format_.read(file) for file in files), Facts())
    faults = (*facts.faults, *(() if facts.faults else facts.repeats()))
    if faults:
        more = len(faults) - _MOST_FAULTS
        lines = [str(fault) for fault in faults[:_MOST_FAULTS]] + [f"and {more:,} more"] * (more > 0)
        raise UsageError(
            "nothing was imported:\n" + "\n".join(lines), hint="mend the file and import it again"
        )
    if not facts.entitlements and not facts.principals:
        where = files[0].name if files else None
        raise UsageError("it says nothing: taken in, it would revoke all its source said before", where=where)
    return facts


def take_in(lake: Lake, format_: Format, files: Sequence[File], import_source: str | None = None) -> Import:
    """Import files as the new snapshot of a source (else the format's id); durable when this returns.

    What the last snapshot of the source said and this one does not is revoked. The rows count only once the import's
    own row is committed, under a version that no other import can take: FencedError if one took it meanwhile.
    """
    facts = read(format_, files)
    source, now = import_source or format_.id, datetime.now(UTC)
    last, _ = lake.position("entitlement_imports", STREAM)
    stamp = {
        "import_id": secrets.token_hex(16),
        "import_source": source,
        "state_time": now,
        "state_date": now.date(),
    }
    grants = _changes(lake, "entitlement_states", source, facts.entitlements)
    people = _changes(lake, "principal_states", source, facts.principals)
    for table, rows in (("entitlement_states", grants), ("principal_states", people)):
        if rows:
            made = [{**row, **stamp} for row in rows]
            lake.append(table, pa.Table.from_pylist(made, TABLES[table].schema))
    count = {
        change: sum(row["change"] == change for row in grants) for change in ("granted", "revoked", "changed")
    }
    taken = Import((last or 0) + 1, source, len(facts.entitlements), len(facts.principals), **count)
    row = {
        **vars(taken), "import_id": stamp["import_id"], "format": format_.id, "files": [f.name for f in files],
        "sha256": [hashlib.sha256(f.content).hexdigest() for f in files], "import_time": now, "import_date": now.date(),
    }  # fmt: skip
    step = Advance(STREAM, last, taken.version)
    lake.append(
        "entitlement_imports", pa.Table.from_pylist([row], TABLES["entitlement_imports"].schema), [step]
    )
    return taken


def _changes(lake: Lake, table: str, source: str, facts: Sequence[Fact]) -> list[Row]:
    """Return a row for each fact that was granted, changed or revoked since the source's last snapshot."""
    id_name, _ = _KEPT[table]
    before = _standing(lake, table, source)
    after = {fact_id(source, fact): fact.row() for fact in facts}
    rows: list[Row] = []
    for key, row in after.items():
        known = before.get(key)
        if known is None:
            rows.append({id_name: key, **row, "change": "granted", "changed": [], "before": None})
        elif changed := [name for name in row if row[name] != known[name]]:
            old = json.dumps({name: known[name] for name in changed}, default=str, sort_keys=True)
            rows.append({id_name: key, **row, "change": "changed", "changed": changed, "before": old})
    gone = sorted(before.keys() - after.keys())
    return rows + [
        {id_name: key, **before[key], "change": "revoked", "changed": [], "before": None} for key in gone
    ]


def _standing(lake: Lake, table: str, source: str) -> Mapping[str, Row]:
    """Return what the source's last snapshot said, by id."""
    id_name, view = _KEPT[table]
    question = f"""
    SELECT * EXCLUDE (version, import_id, import_source, changed, before, state_time) FROM {view}
    WHERE import_source = $source
    QUALIFY row_number() OVER (PARTITION BY {id_name} ORDER BY version DESC) = 1"""  # noqa: S608 - our own names
    rows = lake.sql(question, {"source": source}).arrow().to_pylist()
    return {row.pop(id_name): row for row in rows if row.pop("change") != "revoked"}
