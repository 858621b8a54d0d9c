"""A backup is consistent, costs what is new, is checked when it is put back, and brings nobody back who was erased."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lakes import NOON, ask, event_ids, one, record, take_in

from store.durable import write_file
from store.errors import IntegrityError, UnreachableError, UsageError
from store.integrity.verify import Options, verify
from store.keeping import approving, erasing, holding
from store.keeping.backing_up import back_up, backups, check, object_of, read_backup
from store.keeping.compacting import compact
from store.keeping.expiring import Periods
from store.keeping.maintaining import Upkeep, maintain
from store.keeping.restoring import restore
from store.keeping.vacuuming import Ages
from store.lake import MARKER, Lake
from store.locks import alone

TESTS = Path(__file__).parents[2]


@pytest.fixture
def filled(lake: Lake) -> Lake:
    """Return a lake with rows and a dead letter."""
    take_in(lake, [record(n, user_id="zquill-77" if n % 2 else "bob") for n in range(6)])
    take_in(lake, [b"broken"], first=6)
    return lake


def no_leaves(_lake: Lake, _names: object) -> list[int]:
    """Return no fingerprints."""
    return []


def test_a_lake_comes_back_as_it_was(filled: Lake, tmp_path: Path) -> None:
    """Rows, positions, settings and proofs are those of the moment; what came later is not there, and can go on."""
    backup = back_up(filled, tmp_path / "backup", with_keys=True)
    before = ask(filled, "FROM events ORDER BY event_id")
    take_in(filled, [record(9)], first=7)
    lake, told, again, _ = restore(tmp_path / "backup", tmp_path / "back", no_leaves)
    assert (told, again) == (backup, [])
    assert ask(lake, "FROM events ORDER BY event_id") == before
    assert lake.snapshot("events").version == backup.versions["events"]
    assert one(lake, "SELECT count(*) FROM dead_letters") == 1
    assert lake.position("events", "calls-0") == (6, None)
    assert verify(lake, Options()).faults == []
    take_in(lake, [record(9)], first=7)
    assert one(lake, "SELECT count(*) FROM events") == 7
    assert one(lake, "SELECT detail FROM upkeep WHERE operation = 'restore'") == backup.taken


def test_what_lies_beside_the_tables_comes_too(filled: Lake, tmp_path: Path) -> None:
    """Settings, cursors, models and packs are part of a lake; locks, drafts and notes of erasures are not."""
    wanted = ["tooltrail.toml", "exports/siem.json", "trained/model.arrow", "packs/q3/page.html"]
    unwanted = ["erasing/ab.json", "quarantine/1/x.parquet", "exports/.siem.json.12.tmp", "keeping.lock"]
    for name in (*wanted, *unwanted):
        write_file(filled.path / name, b"# " + name.encode())
    backup = back_up(filled, tmp_path / "backup")
    held = {one.path for one in backup.files}
    assert held.issuperset(wanted)
    assert held.isdisjoint(unwanted)


def test_only_what_is_new_is_copied(filled: Lake, tmp_path: Path) -> None:
    """Files that an earlier backup holds are named and not copied; each backup is whole by itself."""
    folder = tmp_path / "backup"
    first = back_up(filled, folder)
    take_in(filled, [record(9)], first=7)
    second = back_up(filled, folder)
    objects = sum(1 for path in (folder / "objects").rglob("*") if path.is_file())
    assert second.fresh_bytes < first.fresh_bytes / 2
    assert objects < len(first.files) + len(second.files)
    assert len(backups(folder)) == 2
    assert read_backup(folder, first.taken) == first
    lake, told, _, _ = restore(folder, tmp_path / "back", no_leaves, taken=first.taken, keys=filled.path)
    assert (told.taken, lake.snapshot("events").rows) == (first.taken, 6)


def test_a_damaged_backup_is_not_put_back(filled: Lake, tmp_path: Path) -> None:
    """Every digest is checked before anything is written."""
    backup = back_up(filled, tmp_path / "backup", with_keys=True)
    victim = next(held for held in backup.files if held.path.endswith(".parquet") and "part-" in held.path)
    path = object_of(tmp_path / "backup", victim.sha256)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert check(tmp_path / "backup", backup) == [victim.path]
    with pytest.raises(IntegrityError, match="1 files of the backup are damaged"):
        restore(tmp_path / "backup", tmp_path / "back", no_leaves)
    assert not (tmp_path / "back").exists()


def test_a_damaged_lake_is_not_backed_up_as_if_sound(filled: Lake, tmp_path: Path) -> None:
    """A file that is not what was committed stops the backup: it would take the place of a good one."""
    path = Path(filled.snapshot("events").paths()[0])
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    with pytest.raises(IntegrityError, match="not what was committed"):
        back_up(filled, tmp_path / "backup")
    assert backups(tmp_path / "backup") == []


def test_keys_are_left_out_unless_asked_for(filled: Lake, tmp_path: Path) -> None:
    """A copy of the lake is no copy of its secrets; to put it back they must be given."""
    backup = back_up(filled, tmp_path / "backup")
    assert [held.path for held in backup.files if held.path.endswith(".key")] == []
    secret = filled.site_key.hex().encode()
    assert not any(secret in p.read_bytes() for p in (tmp_path / "backup").rglob("*") if p.is_file())
    with pytest.raises(UsageError, match="holds no keys"):
        restore(tmp_path / "backup", tmp_path / "back", no_leaves)
    restore(tmp_path / "backup", tmp_path / "back", no_leaves, keys=filled.path)
    assert ((tmp_path / "back" / "site.key").stat().st_mode & 0o777) == 0o600


def test_a_lake_is_not_written_over(filled: Lake, tmp_path: Path) -> None:
    """Where a lake is, none is restored."""
    back_up(filled, tmp_path / "backup", with_keys=True)
    with pytest.raises(UsageError, match="there is a lake here already"):
        restore(tmp_path / "backup", filled.path, no_leaves)
    with pytest.raises(UsageError, match="no such backup"):
        restore(tmp_path / "nothing", tmp_path / "back", no_leaves)


@pytest.mark.parametrize("source", ["lake", "copy"])
def test_who_was_erased_stays_erased(filled: Lake, tmp_path: Path, source: str) -> None:
    """A backup of before holds the person: by the ledger of the lake, or its second copy, they are erased again."""
    back_up(filled, tmp_path / "backup")
    subject, _ = erasing.whom(filled, ["zquill-77"], no_leaves)
    request = erasing.propose(filled, subject, "she asked", "ana")
    approved = approving.decide(filled, request.request_id, "ben", approve=True)
    copy = tmp_path / "elsewhere" / "ledger.ndjson"
    with alone(filled, "keeping"):
        erasing.carry_out(filled, approved, copy)
    ledger = filled.path if source == "lake" else copy
    assert b"zquill" not in copy.read_bytes()
    lake, _, [again], _ = restore(
        tmp_path / "backup", tmp_path / "back", no_leaves, keys=filled.path, ledgers=[ledger]
    )
    assert (again.state, again.rows) == ("erased", 3)
    assert one(lake, "SELECT count(user_id) FROM events") == 3
    assert b"zquill-77" not in b"".join(p.read_bytes() for p in lake.path.rglob("*") if p.is_file())


def test_a_restore_that_died_before_it_erased_again_is_no_lake(
    filled: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until those erased since are erased again nobody can open it; then another backup can be put back there."""
    first = back_up(filled, tmp_path / "backup", with_keys=True)
    take_in(filled, [record(9, user_id="zquill-77")], first=9)
    back_up(filled, tmp_path / "backup", with_keys=True)
    subject, _ = erasing.whom(filled, ["zquill-77"], no_leaves)
    request = erasing.propose(filled, subject, "she asked", "ana")
    approved = approving.decide(filled, request.request_id, "ben", approve=True)
    with alone(filled, "keeping"):
        erasing.carry_out(filled, approved)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as then:
        then.setattr(erasing, "forget", die)
        with pytest.raises(KeyboardInterrupt):
            restore(tmp_path / "backup", tmp_path / "back", no_leaves, ledgers=[filled.path])
    with pytest.raises(UnreachableError, match="there is no lake here"):
        Lake.open(tmp_path / "back")
    lake, _, [again], _ = restore(
        tmp_path / "backup", tmp_path / "back", no_leaves, taken=first.taken, ledgers=[filled.path]
    )
    assert (again.state, lake.snapshot("events").rows) == ("erased", 6)
    assert verify(Lake.open(tmp_path / "back"), Options()).faults == []


def test_who_was_erased_before_the_backup_may_have_come_again(filled: Lake, tmp_path: Path) -> None:
    """What came in after an erasure is not its: a backup of both is put back with it."""
    subject, _ = erasing.whom(filled, ["zquill-77"], no_leaves)
    request = erasing.propose(filled, subject, "she asked", "ana")
    approved = approving.decide(filled, request.request_id, "ben", approve=True)
    with alone(filled, "keeping"):
        erasing.carry_out(filled, approved, tmp_path / "ledger.ndjson")
    take_in(filled, [record(9, user_id="zquill-77")], first=9)
    back_up(filled, tmp_path / "backup", with_keys=True)
    lake, _, again, _ = restore(
        tmp_path / "backup", tmp_path / "back", no_leaves, ledgers=[tmp_path / "ledger.ndjson"]
    )
    assert again == []
    assert one(lake, "SELECT count(*) FROM events WHERE user_id = 'zquill-77'") == 1


@pytest.mark.parametrize("source", ["lake", "copy"])
def test_what_was_held_since_is_held(filled: Lake, tmp_path: Path, source: str) -> None:
    """A backup of before knows no hold: by the lake's ledger, or its second copy, it is set again and wins."""
    back_up(filled, tmp_path / "backup")
    copy = tmp_path / "elsewhere" / "ledger.ndjson"
    hold = holding.put(
        filled, "about zquill-77", "cleo", subject="zquill-77", since=NOON, case_id="C-7", second_copy=copy
    )
    assert b"zquill" not in copy.read_bytes()
    [before] = holding.in_force(filled)
    ledger = filled.path if source == "lake" else copy
    lake, _, _, holds = restore(
        tmp_path / "backup", tmp_path / "back", no_leaves, keys=filled.path, ledgers=[ledger]
    )
    assert (holds, holding.in_force(lake), before.hold_id) == (1, [before], hold)
    assert erased(lake, tmp_path / "ledger").state == "restricted"
    assert one(lake, "SELECT count(*) FROM events WHERE user_id = 'zquill-77'") == 3
    assert verify(lake, Options()).faults == []


def erased(lake: Lake, copy: Path) -> erasing.Erased:
    """Erase a person as two people do, with a second copy of the ledger."""
    subject, _ = erasing.whom(lake, ["zquill-77"], no_leaves)
    request = erasing.propose(lake, subject, "she asked", "ana")
    approved = approving.decide(lake, request.request_id, "ben", approve=True)
    with alone(lake, "keeping"):
        return erasing.carry_out(lake, approved, copy)


def test_a_hold_that_was_released_since_keeps_nobody_from_being_erased_again(
    filled: Lake, tmp_path: Path
) -> None:
    """The backup's hold is released as the ledger says, then who was erased after it; the ledger forgets the name."""
    copy = tmp_path / "ledger.ndjson"
    hold = holding.put(filled, "case", "cleo", subject="zquill-77", second_copy=copy)
    back_up(filled, tmp_path / "backup", with_keys=True)
    holding.lift(filled, hold, "settled", "cleo", second_copy=copy)
    sealed = copy.read_bytes()
    assert erased(filled, copy).state == "erased"
    assert [line for line in copy.read_bytes().splitlines() if line in sealed.splitlines()[:1]] == []
    lake, _, [again], holds = restore(tmp_path / "backup", tmp_path / "back", no_leaves, ledgers=[copy])
    assert (again.state, again.rows, holds) == ("erased", 4, 1)
    assert b"zquill-77" not in b"".join(p.read_bytes() for p in lake.path.rglob("*") if p.is_file())


def test_an_erasure_that_a_hold_kept_waits_after_a_restore_too(filled: Lake, tmp_path: Path) -> None:
    """What two people approved is not forgotten with the lake: it is restricted there, and done on release."""
    back_up(filled, tmp_path / "backup", with_keys=True)
    copy = tmp_path / "ledger.ndjson"
    hold = holding.put(filled, "case", "cleo", subject="zquill-77", second_copy=copy)
    assert erased(filled, copy).state == "restricted"
    lake, _, [again], _ = restore(tmp_path / "backup", tmp_path / "back", no_leaves, ledgers=[copy])
    assert again.state == "restricted"
    holding.lift(lake, hold, "settled", "cleo")
    with alone(lake, "keeping"):
        [done] = erasing.resume_held(lake)
    assert (done.state, one(lake, "SELECT count(user_id) FROM events")) == ("erased", 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda line: {**line, "state": "released"}, "was changed"),
        (lambda line: {**line, "sealed": "no base64!"}, "was changed"),
        (lambda line: {**line, "sealed": 7}, "was changed"),
        (lambda line: {"hold_id": line["hold_id"]}, "the line has no state"),
        (lambda _line: {"erasure_id": "e"}, "the line has no state"),
        (lambda _line: {}, "this line is of no ledger"),
        (lambda _line: [], "this line is of no ledger"),
    ],
)
def test_a_ledger_that_was_changed_is_refused(
    filled: Lake, tmp_path: Path, change: Callable[[Any], Any], message: str
) -> None:
    """A line that says something else than was written, or is none, is named; nothing is put back by it."""
    back_up(filled, tmp_path / "backup", with_keys=True)
    copy = tmp_path / "ledger.ndjson"
    holding.put(filled, "case", "cleo", subject="zquill-77", second_copy=copy)
    copy.write_text(json.dumps(change(json.loads(copy.read_text()))))
    with pytest.raises(UsageError, match=message):
        restore(tmp_path / "backup", tmp_path / "back", no_leaves, ledgers=[copy])
    with pytest.raises(UnreachableError, match="there is no lake here"):
        Lake.open(tmp_path / "back")


@pytest.mark.parametrize("place", ["trained", "log/noted"])
def test_a_planted_link_copies_nothing_from_outside(filled: Lake, tmp_path: Path, place: str) -> None:
    """A link in the lake's folder, to a folder or a file, is refused: a backup holds what is in the lake."""
    write_file(tmp_path / "secrets" / "shadow", b"root:x")
    (filled.path / place).symlink_to(tmp_path / "secrets" / ("" if place == "trained" else "shadow"))
    with pytest.raises(UsageError, match="a symbolic link is no part of a lake"):
        back_up(filled, tmp_path / "backup")
    assert not any(b"root:x" in p.read_bytes() for p in (tmp_path / "backup").rglob("*") if p.is_file())


@pytest.mark.parametrize("place", ["../outside", "/tmp/outside", "events/../../outside", "", "a\0b"])
def test_a_hostile_backup_writes_nowhere_else(filled: Lake, tmp_path: Path, place: str) -> None:
    """A list that names a place outside the lake, or an object by a path, is refused before a byte is written."""
    back_up(filled, tmp_path / "backup", with_keys=True)
    [file] = backups(tmp_path / "backup")
    body = json.loads(file.read_text())
    for name, value in (("path", place), ("sha256", f"../../{'a' * 58}")):
        held = [{**body["files"][0], name: value}, *body["files"][1:]]
        file.write_text(json.dumps({**body, "files": held}))
        with pytest.raises(IntegrityError, match=r"is no place in a lake|is no SHA-256"):
            restore(tmp_path / "backup", tmp_path / "back" / "deep", no_leaves)
    assert not (tmp_path / "back").exists()


def test_an_interrupted_restore_leaves_no_lake(
    filled: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lake's marker is written last: what is half there cannot be opened, and is written over by the next try."""
    from store.keeping import restoring

    back_up(filled, tmp_path / "backup", with_keys=True)
    left = [40]

    def dying(path: Path, content: bytes) -> None:
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    with monkeypatch.context() as then:
        then.setattr(restoring, "write_file", dying)
        with pytest.raises(KeyboardInterrupt):
            restore(tmp_path / "backup", tmp_path / "back", no_leaves)
    assert not (tmp_path / "back" / MARKER).exists()
    lake = restore(tmp_path / "backup", tmp_path / "back", no_leaves).lake
    assert lake.snapshot("events").rows == 6


WRITER = """
import sys
from lakes import record, take_in
from store.lake import Lake
lake = Lake.open(sys.argv[1])
for part in range(25):
    take_in(lake, [*(record(part * 4 + n) for n in range(3)), b"broken %d" % part], first=part * 4)
"""


@pytest.mark.slow
def test_upkeep_and_backups_run_beside_ingest(lake: Lake, tmp_path: Path) -> None:
    """While another process commits, round after round of upkeep loses nothing, and each backup is a lake."""
    environment = os.environ | {"PYTHONPATH": f"{TESTS}:{TESTS.parent}"}
    with subprocess.Popen([sys.executable, "-c", WRITER, str(lake.path)], env=environment) as writer:
        done = []
        while writer.poll() is None:
            done += maintain(Lake.open(lake.path), Upkeep(ages=Ages(grace=0.0)))
            back_up(Lake.open(lake.path), tmp_path / "backup", with_keys=True)
    assert writer.returncode == 0
    again = Lake.open(lake.path)
    maintain(again, Upkeep(ages=Ages(grace=-1.0)))
    ids = event_ids(again)
    assert (len(ids), len(set(ids)), one(again, "SELECT count(*) FROM dead_letters")) == (75, 75, 25)
    assert {one.operation for one in done} >= {"compact", "vacuum"}
    assert len(again.snapshot("events").files) == 1
    assert len(list((lake.path / "events").glob("event_date=*/*.parquet"))) == 1
    assert verify(again, Options()).faults == []
    back, backup, _, _ = restore(
        tmp_path / "backup", tmp_path / "back", no_leaves, taken=read_backup(tmp_path / "backup").taken
    )
    position = back.position("events", "calls-0")[0]
    rows = one(back, "SELECT count(*) FROM events")
    assert rows == (0 if position is None else (position + 1) // 4 * 3), backup.taken
    compact(back)
    assert verify(back, Options()).faults == []


def test_a_bounded_round_stops_in_time(filled: Lake) -> None:
    """When its time is over a round begins nothing new; the next one goes on."""
    take_in(filled, [record(9)], first=7)
    assert [d for d in maintain(filled, Upkeep(seconds=-1.0)) if d.operation == "compact"] == []
    assert [d.table_name for d in maintain(filled, Upkeep()) if d.operation == "compact"] == ["events"]


@pytest.mark.slow
def test_ingest_is_not_stopped_by_what_removes(lake: Lake) -> None:
    """A commit that takes rows away, and changes a table's properties for it, makes an append try again, not fail."""
    environment = os.environ | {"PYTHONPATH": f"{TESTS}:{TESTS.parent}"}
    with subprocess.Popen([sys.executable, "-c", WRITER, str(lake.path)], env=environment) as writer:
        gone = 0
        while writer.poll() is None:
            done = maintain(Lake.open(lake.path), Upkeep(Periods(tables={"dead_letters": 1e-6})))
            gone += sum(one.rows_before - one.rows_after for one in done if one.operation == "expire")
    assert writer.returncode == 0
    again = Lake.open(lake.path)
    assert (one(again, "SELECT count(*) FROM events"), one(again, "SELECT count(*) FROM dead_letters")) == (
        75,
        25 - gone,
    )
    assert gone > 0
