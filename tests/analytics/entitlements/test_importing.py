"""Snapshots on a real lake: what changed between imports, and that an import is all or nothing."""

from __future__ import annotations

import json

import pytest

from analytics.entitlements.catalog import load
from analytics.entitlements.importing import STREAM, Import, take_in
from analytics.entitlements.reading import File
from store.errors import FencedError, UsageError
from store.lake import Lake

FORMATS = load()
HEAD = "id,principal,server,tool,ticket\n"


def imported(lake: Lake, format_id: str, text: str, source: str | None = None) -> Import:
    """Take one file in."""
    return take_in(lake, FORMATS[format_id], [File(f"{format_id}.txt", text.encode())], source)


def test_the_difference_of_two_snapshots_is_granted_revoked_and_changed(lake: Lake) -> None:
    """What is new, gone or otherwise is a row, a change with what it was before; what stayed is none."""
    first = imported(lake, "grants", HEAD + "1,ana,github,*,T1\n2,bob,github,*,\n3,carol,jira,*,\n")
    second = imported(lake, "grants", HEAD + "1,ana,github,create_*,T1\n3,carol,jira,*,\n4,dan,jira,*,\n")
    assert (first.version, first.granted, first.revoked, first.changed) == (1, 3, 0, 0)
    assert (second.version, second.granted, second.revoked, second.changed) == (2, 1, 1, 1)
    rows = lake.sql(
        "SELECT principal, change, changed, before FROM entitlement_changes WHERE version = 2"
    ).arrow()
    by = {row["principal"]: row for row in rows.to_pylist()}
    assert {name: row["change"] for name, row in by.items()} == {
        "ana": "changed",
        "bob": "revoked",
        "dan": "granted",
    }
    assert (by["ana"]["changed"], json.loads(by["ana"]["before"])) == (["tool_name"], {"tool_name": "*"})
    sides = lake.sql(
        "SELECT before.tool_name AS b, after.tool_name AS a FROM entitlements_between(1, 2) WHERE change = 'changed'"
    )
    assert sides.arrow().to_pylist() == [{"b": "*", "a": "create_*"}]
    assert lake.sql("FROM entitlements_at(1)").arrow().num_rows == 3


def test_the_same_snapshot_again_changes_nothing(lake: Lake) -> None:
    """An import of the same facts is a version without changes, whatever the order of its lines."""
    imported(lake, "grants", "principal,server\nana,github\nbob,jira\n")
    again = imported(lake, "grants", "principal,server\nbob,jira\nana,github\n")
    assert (again.granted, again.revoked, again.changed) == (0, 0, 0)


def test_sources_do_not_revoke_each_other(lake: Lake) -> None:
    """Each source is compared with itself alone; one that revoked and granted again has it in force."""
    imported(lake, "grants", "principal,server\nana,github\n", "east")
    imported(lake, "grants", "principal,server\nbob,github\n", "west")
    imported(lake, "grants", "principal,server\ncarol,github\n", "east")
    imported(lake, "grants", "principal,server\nana,github\n", "east")
    found = lake.sql("SELECT principal FROM human_entitlements ORDER BY 1").arrow()["principal"].to_pylist()
    assert found == ["ana", "bob"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "principal,server\nana,github\nana,github\n",
            "grants.txt:3:1: this was said before, at grants.txt:2:1",
        ),
        ("principal,server,expires_at\nana,github,\nbob,github,soon\n", "grants.txt:3:3: expires_at: 'soon'"),
        ("principal,server\n", "it says nothing"),
    ],
)
def test_a_faulty_import_takes_nothing_in(lake: Lake, text: str, told: str) -> None:
    """One fault, a repeat, or an import of nothing leaves the lake as it was."""
    imported(lake, "grants", "principal,server\nzed,github\n")
    with pytest.raises(UsageError, match="nothing") as error:
        imported(lake, "grants", text)
    assert told in str(error.value)
    assert lake.sql("SELECT principal FROM entitlements").arrow()["principal"].to_pylist() == ["zed"]
    assert lake.position("entitlement_imports", STREAM)[0] == 1


def test_rows_of_an_import_that_was_not_finished_are_not_seen(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two imports at once cannot both be a version: the loser's rows count for nothing, now and later."""
    append = Lake.append

    def meanwhile(self, table, rows, advances=(), note=None):
        if table == "entitlement_imports" and rows["import_source"][0].as_py() == "slow":
            monkeypatch.setattr(Lake, "append", append)
            imported(Lake.open(lake.path), "grants", "principal,server\nfast,github\n", "fast")
        return append(self, table, rows, advances, note)

    monkeypatch.setattr(Lake, "append", meanwhile)
    with pytest.raises(FencedError):
        imported(lake, "grants", "principal,server\nslow,github\n", "slow")
    imported(lake, "grants", "principal,server\nlater,github\n", "later")
    found = lake.sql("SELECT principal FROM entitlements ORDER BY 1").arrow()["principal"].to_pylist()
    assert found == ["fast", "later"]


def test_a_principal_in_no_inventory_is_an_orphan(lake: Lake) -> None:
    """An orphan is told once there is an inventory; before, nothing is known; an alias is no orphan."""
    imported(lake, "grants", "principal,server\nana@x.org,github\nghost,github\n*,jira\n")
    orphans = "SELECT principal, orphan FROM entitlements ORDER BY 1"
    assert {row["orphan"] for row in lake.sql(orphans).arrow().to_pylist()} == {None}
    imported(lake, "roster", "user_id,email\nana,ana@x.org\n")
    found = {row["principal"]: row["orphan"] for row in lake.sql(orphans).arrow().to_pylist()}
    assert found == {"*": None, "ana@x.org": False, "ghost": True}
