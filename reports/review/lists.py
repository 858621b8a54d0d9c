"""Which tables the page of a review shows, and which rows of them; `lists.toml` says which columns."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from analytics.review.model import Advice
from reports.page import MOST, Listing, listing
from reports.review.rows import Row, words
from reports.wording import day, some

_QUIET = frozenset(words(advice) for advice in (Advice.KEEP, Advice.WAIT, Advice.CANNOT_TELL))
_OF_GRANTS: Mapping[str, Callable[[Row], bool]] = {
    "decisions_wanted": lambda row: row["recommendation"] not in _QUIET,
    "over_broad": lambda row: bool(row["over_broad"]),
    "convertible": lambda row: bool(row["convertible"]),
}
"""Tables that show some of the grants."""


def lists_of(tables: Mapping[str, pa.Table], stem: str) -> dict[str, Listing]:
    """Return every table of the page by its name; one that does not apply is not there."""
    grants: list[Row] = tables["grants"].to_pylist()
    made = {}
    for name, told in _told().items():
        if name in _OF_GRANTS:
            chosen = [row for row in grants if _OF_GRANTS[name](row)]
            made[name] = _listing(name, told, chosen[:MOST], stem, len(chosen), kept="grants")
        elif name in tables:
            rows = tables[name].slice(0, MOST).to_pylist()
            made[name] = _listing(name, told, rows, stem, tables[name].num_rows, kept=None)
    return made


def _listing(
    name: str, told: Mapping[str, Any], rows: list[Row], stem: str, total: int, *, kept: str | None
) -> Listing:
    shown = [_SHOWN[name](row) for row in rows] if name in _SHOWN else rows
    shown = [{**row, "item_id": [row["item_id"]]} if "item_id" in row else row for row in shown]
    return listing(name, told["caption"], shown, told["columns"], stem=stem, kept=kept, total=total)


def _item(row: Row) -> Row:
    """Return a grant as few lines: who and what, why it is recommended, and what its use was."""
    holder = [
        f"owner {row['owner']}" if row["owner"] else "no owner",
        "privileged" if row["privileged"] else None,
    ]
    used = f"last used {day(row['last_use'])}" if row["last_use"] else "never used in the period"
    breaks = (
        f"{some(row['breaks'], 'call')} nothing else allows" if row["breaks"] else "no call needs it alone"
    )
    return row | {
        "grant": [
            row["principal"],
            row["grant"],
            ", ".join(filter(None, holder)),
            f"item {row['item_id'][:12]}",
        ],
        "verdict": [row["state"], row["recommendation"]],
        "why": [
            row["reason"],
            f"If kept: {row['risk_if_kept']}" if row["risk_if_kept"] else None,
            row["peers"],
        ],
        "use": [used, breaks],
    }


def _stray(row: Row) -> Row:
    clients = f"by {', '.join(row['clients'][:3])}" if row["clients"] else None
    return row | {
        "grant": [row["principal"], row["grant"], clients, f"item {row['item_id'][:12]}"],
        "verdict": [row["recommendation"]],
        "why": [row["reason"], f"If kept: {row['risk_if_kept']}" if row["risk_if_kept"] else None],
    }


def _closure(row: Row) -> Row:
    return row | {"status": words(row["status"])}


def _change(row: Row) -> Row:
    return row | {"what": words(row["what"])}


_SHOWN: Mapping[str, Callable[[Row], Row]] = {
    "decisions_wanted": _item, "not_granted": _stray, "closures": _closure, "changes": _change,
}  # fmt: skip


@cache
def _told() -> Mapping[str, Mapping[str, Any]]:
    return tomllib.loads(Path(__file__).with_name("lists.toml").read_text("utf-8"))
