"""An erasure reaches every column of every table, and says of what it cannot reach what it is and what to do."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from lakes import record, take_in

from store import events, spilling
from store.drafts import write
from store.durable import write_file
from store.keeping import approving, erasing, left_over
from store.keeping.residue import scan
from store.keeping.subjects import Subject
from store.lake import Lake
from store.locks import alone
from store.tables import TABLES
from store.tables.events import EVENTS
from store.tables.table import Table

NAME = "zora.quill@example.org"
NOW = datetime.now(UTC)
FILLERS = {
    events.TEXT: f"said of {NAME}, twice: {NAME}",
    events.TEXTS: [NAME, f"x {NAME.upper()} y", "someone else"],
    events.INT: 1,
    events.TIME: NOW,
    pa.float64(): 0.5,
    pa.bool_(): True,
    pa.date32(): NOW.date(),
    events.FINGERPRINTS: [1, 2],
    pa.binary(): b"a record of " + NAME.encode(),
}


def erase(lake: Lake, name: str = NAME) -> erasing.Erased:
    """Erase a person as two people do."""
    subject, _ = erasing.whom(lake, [name], lambda _lake, _names: [])
    request = erasing.propose(lake, subject, "she asked", "ana")
    approved = approving.decide(lake, request.request_id, "ben", approve=True)
    with alone(lake, "keeping"):
        return erasing.carry_out(lake, approved)


def kinds(lake: Lake, result: erasing.Erased) -> dict[str, set[str]]:
    """Return what is said of what is left: the advice, and the files it is about."""
    return {
        what: {place.path.name for place in places} for what, places in left_over.advice(lake, result.residue)
    }


@pytest.mark.parametrize("table", [t for t in TABLES.values() if t is not EVENTS], ids=lambda t: t.name)
def test_every_column_of_every_table_is_reached(lake: Lake, table: Table) -> None:
    """A name in any text of any table but the events is nowhere after, whatever the table is of, and the row stays."""
    row = {field.name: FILLERS.get(field.type) for field in table.schema}
    row |= {"hash": bytes(32)} if "hash" in row else {}
    lake.append(table.name, pa.Table.from_pylist([row], table.schema))
    assert scan(lake, Subject((NAME,)), lake.path / "none") != []
    assert erase(lake).residue == []
    assert lake.snapshot(table.name).rows >= 1


def test_what_the_leaf_is_made_of_is_told_before_and_after(lake: Lake) -> None:
    """A name in a column that is not sealed, as an agent's, stays, and both the proposal and the result say where."""
    take_in(lake, [record(1, user_id=NAME, agent_name=f"agent of {NAME}"), record(2, user_id="bob")])
    assert left_over.stays(lake, Subject((NAME,))) == {"agent_name": 1}
    result = erase(lake)
    assert {place.columns for place in result.residue} == {("agent_name",)}
    [said] = kinds(lake, result)
    assert said == left_over.LEAF


def test_what_lies_beside_is_told_by_kind(lake: Lake) -> None:
    """An orphan is the doctor's, a draft too, a file beside the tables somebody's, and one of the log nobody's."""
    take_in(lake, [record(1, user_id="bob")])
    row = {field.name: FILLERS.get(field.type) for field in TABLES["triage"].schema}
    [file] = lake.encode(TABLES["triage"], pa.Table.from_pylist([row], TABLES["triage"].schema))
    orphan = Path(write(lake.path / "triage", TABLES["triage"], file).path).name
    write_file(lake.path / "reviews" / "q3.html", NAME.encode())
    write_file(lake.path / "events" / ".x.tmp", NAME.encode())
    write_file(lake.path / "log" / "noted", NAME.encode())
    assert kinds(lake, erase(lake)) == {
        left_over.UNCOMMITTED: {orphan, ".x.tmp"}, left_over.BESIDE: {"q3.html"}, left_over.SIGNED: {"noted"},
    }  # fmt: skip


def test_what_came_in_meanwhile_is_told(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows of a person that came in after the tables were rewritten are not said to be anybody's to remove by hand."""
    take_in(lake, [record(1, user_id=NAME)])
    real = erasing.vacuum_held

    def late(*arguments: object, **named: object) -> object:
        take_in(lake, [record(2, user_id=NAME)], first=2)
        return real(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(erasing, "vacuum_held", late)
    assert set(kinds(lake, erase(lake))) == {left_over.LATE}


@pytest.mark.parametrize("what", ["query", "door", "job"])
def test_spill_of_whatever_was_killed_goes(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """Questions, the door's and jobs spill to folders of one name, so that an erasure finds them all."""
    from analytics.engine import connect
    from store.door import running

    monkeypatch.setattr(erasing, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    if what == "query":
        lake.sql("SELECT 1")
        [spill] = tmp_path.glob(f"{spilling.PREFIX}*")
    elif what == "job":
        said = connect().execute("SELECT current_setting('temp_directory')").fetchone()
        assert said is not None
        spill = Path(said[0])
        spill.mkdir(exist_ok=True)
    else:
        spill = Path(running.tempfile.mkdtemp(prefix=running.spilling.PREFIX))
    assert spill.name.startswith(spilling.PREFIX)
    (spill / "spill.block").write_bytes(NAME.encode())
    old = (NOW - timedelta(days=2)).timestamp()
    os.utime(spill, (old, old))
    erase(lake)
    assert not spill.exists()
