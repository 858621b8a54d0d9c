"""What differs from the campaign before: grants come and gone, what was not carried out, what was ignored twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from analytics.review import ledger
from analytics.review.campaign import Change
from store.lake import Lake

Row = Mapping[str, Any]
_ORDER = ("not_carried_out", "ignored_twice", "granted", "gone", "changed")
_COMPARED = ("state", "advice", "risk")
_TAKEN = ("revoke", "modify")


def changes_of(lake: Lake, previous: str | None, items: Sequence[Row]) -> tuple[Change, ...]:
    """Return every change since a campaign, the gravest first; nothing where there was none."""
    if previous is None:
        return ()
    from analytics.review.standing import verdicts_of

    row = ledger.campaign_row(lake, previous)
    before = {item["item_id"]: item for item in ledger.items_of(lake, previous) if item["what"] != "excluded"}
    after = {item["item_id"]: item for item in items if item["what"] != "excluded"}
    decided = verdicts_of(row, list(before.values()), ledger.decisions_of(lake, previous), datetime.now(UTC))
    outcomes = {verdict.item_id: verdict.outcome for verdict in decided}
    found = list(_changes(before, after, outcomes))
    return tuple(
        sorted(
            found, key=lambda c: (_ORDER.index(c.what), c.principal, c.server_name, c.tool_name, c.item_id)
        )
    )


def _changes(
    before: Mapping[str, Row], after: Mapping[str, Row], outcomes: Mapping[str, str | None]
) -> Iterator[Change]:
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key), after.get(key)
        if old is None or new is None:
            yield _change("granted" if old is None else "gone", new or old or {}, None, None)
            continue
        outcome = outcomes.get(key)
        if outcome in _TAKEN:
            yield _change("not_carried_out", new, outcome, "still there")
        elif old["advice"] == new["advice"] == "revoke":
            yield _change("ignored_twice", new, outcome, new["advice"])
        told = [_shown(row) for row in (old, new)]
        if told[0] != told[1]:
            yield _change("changed", new, *told)


def _shown(row: Row) -> str:
    return ", ".join(str(row[name]) for name in _COMPARED)


def _change(what: str, item: Row, before: str | None, after: str | None) -> Change:
    return Change(
        what, item["item_id"], item["principal"], item["server_name"], item["tool_name"], before, after
    )
