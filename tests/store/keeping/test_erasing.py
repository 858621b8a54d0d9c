"""A person who is erased is nowhere in the lake, whatever happens on the way, and what is left can still be proven."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from lakes import ask, one, record, take_in

from ingest.fingerprint import Fingerprinter
from store.door.door import Caller, Door, Question
from store.door.policy import Policy, Role
from store.durable import write_file
from store.errors import IntegrityError
from store.integrity.leaves import leaves
from store.integrity.verify import Options, verify
from store.keeping import approving, erasing, holding, notes
from store.keeping.compacting import compact
from store.keeping.residue import scan
from store.keeping.subjects import Subject, known_as
from store.lake import Lake
from store.locks import alone
from store.settings import AccessSettings
from store.tables.findings import FINDING_STATES
from store.tables.history import OWNERS

MAIL = "zora.quill@example.org"


@pytest.fixture
def peopled(lake: Lake) -> Lake:
    """Return a lake in which Zora acts, is mentioned by others, and is named in findings, letters and owners."""
    mine = [record(n, user_id="zquill-77", user_email=MAIL, user_name="Zora Quill",
                   arguments={"path": f"/home/zquill-77/{n}", "note": "a passport"}) for n in range(4)]  # fmt: skip
    others = [record(10, user_id="bob", arguments={"to": MAIL, "text": "see attached"}),
              record(11, user_id="bob", arguments={"path": "/srv/quilling"})]  # fmt: skip
    take_in(lake, [*mine, *others, f"not json of {MAIL}".encode()])
    now = one(lake, "SELECT max(ingest_time) FROM events")
    finding = dict.fromkeys(FINDING_STATES.schema.names) | {
        "finding_id": "f1", "detection": "d03", "title": "burst", "severity": "low", "confidence": 0.5,
        "event_time": now, "user_id": "zquill-77", "evidence": ["e"], "explanation": f"{MAIL} called often",
        "rollout": False, "tags": [], "revision": 1, "found_time": now, "found_date": now.date(),
    }  # fmt: skip
    lake.append("finding_states", pa.Table.from_pylist([finding], FINDING_STATES.schema))
    owner = {"leaf": leaves_of(lake, [MAIL])[0], "user_id": "bob", "returned": True, "passage": False,
             "event_id": "e", "event_time": now, "owned_date": now.date(), "server_name": None, "tool_name": None,
             "named": None}  # fmt: skip
    lake.append("owners", pa.Table.from_pylist([owner], OWNERS.schema))
    write_file(lake.path / "trained" / "anomaly.arrow", b"learned of " + MAIL.encode())
    write_file(lake.path / "quarantine" / "old.parquet", b"torn " + MAIL.encode())
    return lake


def leaves_of(lake: Lake, names: Sequence[str]) -> list[int]:
    """Return the fingerprints of names, as ingest makes them."""
    found, _ = Fingerprinter(lake.site_key).fingerprint([json.dumps(name).encode() for name in names])
    return sorted({int(value) for value in found.values})


def erase(lake: Lake, *names: str) -> erasing.Erased:
    """Erase a person as two people do."""
    subject, _ = erasing.whom(lake, names or ("zquill-77",), leaves_of)
    request = erasing.propose(lake, subject, "she asked", "ana")
    approved = approving.decide(lake, request.request_id, "ben", approve=True)
    with alone(lake, "keeping"):
        return erasing.carry_out(lake, approved)


def everything(lake: Lake) -> bytes:
    """Return every byte of the lake, and every value of its Parquet files as text."""
    found = []
    for path in sorted(lake.path.rglob("*")):
        if path.is_file():
            found.append(path.read_bytes())
            if path.suffix == ".parquet" and found[-1][:4] == b"PAR1":
                found.append(repr(pl.read_parquet(path, hive_partitioning=False).to_dicts()).encode())
    return b"\0".join(found)


def test_a_person_is_nowhere_after(peopled: Lake) -> None:
    """No byte and no decoded value under the lake holds a name; the rows are still there, and other people's too."""
    assert MAIL.encode() in everything(peopled)
    result = erase(peopled)
    assert (result.state, result.residue) == ("erased", [])
    content = everything(Lake.open(peopled.path))
    for form in (
        b"zquill-77",
        b"Zora Quill",
        MAIL.encode(),
        b64encode(MAIL.encode())[:-4],
        MAIL.encode().hex().encode(),
    ):
        assert form not in content
    assert ask(peopled, "SELECT count(*), count(user_id), count(args_json) FROM events") == [(6, 2, 1)]
    assert (
        one(peopled, "SELECT args_json FROM events WHERE args_json IS NOT NULL")
        == '{"path": "/srv/quilling"}'
    )


def test_leaves_stay_true(peopled: Lake) -> None:
    """The leaf of a redacted row is computed from what is left of it: proofs given before still hold."""
    before = dict(ask(peopled, "SELECT event_id, leaf_hash FROM events"))
    erase(peopled)
    rows = peopled.sql("FROM events").arrow()
    assert leaves(rows).equals(rows["leaf_hash"])
    assert dict(ask(peopled, "SELECT event_id, leaf_hash FROM events")) == before
    assert one(peopled, "SELECT count(person_commitment) FROM events") == 4
    assert verify(peopled, Options()).faults == []
    assert one(peopled, "SELECT count(person_salt) FROM events WHERE person_commitment IS NOT NULL") == 0


def test_other_tables_lose_the_name_and_keep_the_row(peopled: Lake) -> None:
    """A finding stays a finding, of someone who was erased; a fingerprint of the name is gone."""
    result = erase(peopled)
    token = f"erased-{result.erasure_id}"
    assert ask(peopled, "SELECT user_id, explanation FROM finding_states") == [
        (token, f"{token} called often")
    ]
    assert ask(peopled, "SELECT raw FROM dead_letters") == [(token.encode(),)]
    assert one(peopled, "SELECT count(*) FROM owners") == 0


def test_old_versions_are_gone_too(peopled: Lake) -> None:
    """Files of compacted and rewritten versions leave the disk at once, with their key indexes."""
    take_in(peopled, [record(90, user_id="zquill-77")], first=90)
    compact(peopled)
    erase(peopled)
    live = {Path(p).stem for p in peopled.snapshot("events").paths()}
    assert {p.stem for p in (peopled.path / "events").glob("event_date=*/*")} == live
    assert {p.name.rsplit(".", 1)[0] for p in (peopled.path / "events" / "_index").iterdir()} == live
    assert not (peopled.path / "trained").exists()
    assert not (peopled.path / "quarantine").exists()


def test_what_killed_queries_spilled_goes(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Spill of a query that was killed is nobody's any more after a day; that of a running one stays."""
    monkeypatch.setattr(erasing, "gettempdir", lambda: str(tmp_path))
    old, new = (tmp_path / f"tooltrail-query-{name}" for name in ("old", "new"))
    for folder in (old, new):
        folder.mkdir()
        (folder / "spill.block").write_bytes(b"rows")
    os.utime(old, (1, 1))
    erase(lake, "zquill-77")
    assert (old.exists(), new.exists()) == (False, True)


def test_the_ledger_names_nobody(peopled: Lake) -> None:
    """The ledger holds keyed digests, who asked and who approved, and how it ended; the note with names is gone."""
    result = erase(peopled)
    [row] = erasing.ledger(peopled)
    assert (row["state"], row["proposed_by"], row["approved_by"]) == ("erased", "ana", "ben")
    assert row["rows"] == result.rows
    assert ask(peopled, "SELECT state FROM erasures ORDER BY state_time") == [("begun",), ("erased",)]
    assert list((peopled.path / notes.FOLDER).iterdir()) == []
    assert notes.unfinished(peopled) == []


def test_who_asks_for_it_themselves_is_gone_too(peopled: Lake) -> None:
    """A reason that names the person, or that they proposed it, does not keep the name in the ledger."""
    subject, _ = erasing.whom(peopled, ["zquill-77"], leaves_of)
    request = erasing.propose(peopled, subject, f"mail of {MAIL}, {MAIL}", "zquill-77")
    approved = approving.decide(peopled, request.request_id, "ben", approve=True)
    with alone(peopled, "keeping"):
        result = erasing.carry_out(peopled, approved)
    content = everything(peopled)
    assert MAIL.encode() not in content
    assert b"zquill-77" not in content
    token = f"erased-{result.erasure_id}"
    assert erasing.ledger(peopled)[0]["reason"] == f"mail of {token}, {token}"
    assert approving.find(peopled, request.request_id).state == "done"


def test_approved_and_killed_before_it_began_it_is_done_later(peopled: Lake) -> None:
    """Between the second person's word and the first step nothing is forgotten."""
    subject, _ = erasing.whom(peopled, ["zquill-77"], leaves_of)
    request = erasing.propose(peopled, subject, "she asked", "ana")
    assert notes.unfinished(peopled) == []
    approving.decide(peopled, request.request_id, "ben", approve=True)
    [note] = notes.unfinished(peopled)
    assert note.approved_by == "ben"
    with alone(peopled, "keeping"):
        [result] = erasing.resume_held(peopled)
    assert result.state == "erased"


@pytest.mark.parametrize("last", ["finish", "forget"])
def test_what_comes_after_an_erasure_is_not_its(
    peopled: Lake, monkeypatch: pytest.MonkeyPatch, last: str
) -> None:
    """Killed when all was done and the note was left, it is closed and not done again to what has come in since."""

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as then:
        then.setattr(*((approving, "finish", die) if last == "finish" else (erasing, "forget", die)))
        with pytest.raises(KeyboardInterrupt):
            erase(peopled)
    take_in(peopled, [record(90, user_id="zquill-77")], first=90)
    with alone(peopled, "keeping"):
        assert erasing.resume_held(peopled) == []
    assert one(peopled, "SELECT count(*) FROM events WHERE user_id = 'zquill-77'") == 1
    assert list((peopled.path / notes.FOLDER).iterdir()) == []
    assert [request.state for request in approving.requests(peopled)] == ["done"]


def test_nothing_is_erased_by_one_person(peopled: Lake) -> None:
    """A proposal changes nothing, and its proposer cannot approve it, however the name is written."""
    subject, _ = erasing.whom(peopled, ["zquill-77"], leaves_of)
    request = erasing.propose(peopled, subject, "she asked", "Ana  Lima")
    for same in (
        "Ana  Lima",
        "ana lima",
        " ANA LIMA ",
        "ana.lima",
        "\u200bAna\u00adLima",
        "ＡＮＡ lima",
        "Aná Līma",
    ):
        with pytest.raises(Exception, match="another person must approve"):
            approving.decide(peopled, request.request_id, same, approve=True)
    with pytest.raises(Exception, match="is not approved"):
        erasing.carry_out(peopled, approving.find(peopled, request.request_id))
    assert one(peopled, "SELECT count(*) FROM events WHERE user_id = 'zquill-77'") == 4


@pytest.mark.parametrize("when", ["proposed", "approved", "begun"])
def test_whom_two_people_approved_is_whom_is_erased(
    peopled: Lake, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """A note that was changed after it was proposed erases nobody, whenever that was, and upkeep says so."""
    subject, _ = erasing.whom(peopled, ["zquill-77"], leaves_of)
    request = erasing.propose(peopled, subject, "she asked", "ana")
    [file] = (peopled.path / notes.FOLDER).iterdir()
    other = {"names": ["bob"], "leaves": leaves_of(peopled, ["bob-the-builder"])}
    if when == "proposed":
        file.write_text(json.dumps(json.loads(file.read_text()) | other))
    approved = approving.decide(peopled, request.request_id, "ben", approve=True)
    if when == "begun":
        monkeypatch.setattr(erasing, "_rewrite", killed)
        with pytest.raises(KeyboardInterrupt), alone(peopled, "keeping"):
            erasing.carry_out(peopled, approved)
    file.write_text(json.dumps(json.loads(file.read_text()) | other))
    with alone(peopled, "keeping"):
        with pytest.raises(IntegrityError, match="was changed since it was proposed"):
            erasing.resume_held(peopled)
        with pytest.raises(IntegrityError, match="was changed since it was proposed"):
            erasing.carry_out(peopled, approved)
    assert one(peopled, "SELECT count(*) FROM events WHERE user_id = 'bob'") == 2


def killed(*_arguments: object) -> None:
    """End as a process that is killed does."""
    raise KeyboardInterrupt


def test_a_name_of_another_script_is_another_persons() -> None:
    """Names without letters of ours are compared as they are, and two of them are two people."""
    assert not approving.same_person("李", "王")
    assert not approving.same_person("--", "++")
    assert approving.same_person("Ольга", "ольга ")


def test_a_hold_wins_and_the_erasure_waits(peopled: Lake) -> None:
    """What a hold covers is restricted and not erased; once it is released the erasure is done by itself."""
    hold = holding.put(peopled, "litigation", "cleo", subject="zquill-77")
    result = erase(peopled)
    assert result.state == "restricted"
    assert one(peopled, "SELECT count(*) FROM events WHERE user_id = 'zquill-77'") == 4
    assert [note.erasure_id for note in notes.unfinished(peopled)] == [result.erasure_id]
    holding.lift(peopled, hold, "settled", "cleo")
    with alone(peopled, "keeping"):
        [again] = erasing.resume_held(peopled)
    assert (again.erasure_id, again.state) == (result.erasure_id, "erased")
    assert MAIL.encode() not in everything(peopled)


def test_a_hold_that_comes_while_it_is_at_work_stops_it(
    peopled: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was not rewritten yet stays, nothing leaves the disk, and on release the erasure ends."""
    real, began = erasing.replace_files, []

    def hold_first(lake: Lake, *change: Any) -> int:
        version = real(lake, *change)
        if not began:
            began.append(holding.put(Lake.open(lake.path), "litigation", "cleo", subject="zquill-77"))
        return version

    compact(peopled)
    files = set((peopled.path / "events").glob("event_date=*/*.parquet"))
    monkeypatch.setattr(erasing, "replace_files", hold_first)
    result = erase(peopled)
    assert (result.state, result.files, began) == ("restricted", 1, [holding.in_force(peopled)[0].hold_id])
    assert files <= set((peopled.path / "events").glob("event_date=*/*.parquet"))
    assert one(peopled, "SELECT explanation FROM finding_states") == f"{MAIL} called often"
    holding.lift(peopled, began[0], "settled", "cleo")
    with alone(peopled, "keeping"):
        [again] = erasing.resume_held(peopled)
    assert again.state == "erased"
    assert MAIL.encode() not in everything(peopled)


def test_names_that_others_share_are_left(lake: Lake) -> None:
    """An address beside the id is the person's own; a display name that another has too is not."""
    take_in(lake, [record(1, user_id="z1", user_email="z@x.example", user_name="Sam"),
                   record(2, user_id="b1", user_name="Sam")])  # fmt: skip
    assert known_as(lake, ["z1"]) == (["z1", "z@x.example"], ["Sam"])


def test_words_that_only_contain_a_name_are_not_it(lake: Lake) -> None:
    """Erasing ana leaves banana alone."""
    take_in(lake, [record(1, user_id="ana"), record(2, user_id="bob", arguments={"fruit": "banana bread"})])
    assert erase(lake, "ana").state == "erased"
    assert ask(lake, "SELECT args_json FROM events WHERE user_id = 'bob'") == [('{"fruit": "banana bread"}',)]


@pytest.mark.parametrize(
    "content",
    [MAIL.encode(), MAIL.upper().encode(), MAIL.encode().hex().encode(), b64encode(b"x" + MAIL.encode()),
     b64encode(b"xy" + MAIL.encode() + b"z"), b"zora.quill%40example.org"],
)  # fmt: skip
def test_residue_is_found_in_any_form(lake: Lake, content: bytes) -> None:
    """A file somebody left in the lake's folder is found, whichever way it writes the name."""
    write_file(lake.path / "exports" / "left.bin", b"before " + content + b" after")
    found = scan(lake, Subject((MAIL,)), lake.path / notes.FOLDER)
    assert [residue.path.name for residue in found] == ["left.bin"]


def test_residue_is_found_inside_parquet(lake: Lake) -> None:
    """Compression hides bytes from a plain search: values and dictionaries are searched decoded."""
    frame = pl.DataFrame({"a": [MAIL] * 100})
    (lake.path / "exports").mkdir()
    frame.write_parquet(lake.path / "exports" / "x.parquet", compression="zstd", statistics=False)
    found = scan(lake, Subject(("zora.quill@example.org",)), lake.path / notes.FOLDER)
    assert [residue.path.name for residue in found] == ["x.parquet"]


def test_residue_is_said_and_not_hidden(peopled: Lake) -> None:
    """What erasure may not touch, as an export beside the tables, is reported, and the ledger counts it."""
    write_file(peopled.path / "exports" / "mine.csv", MAIL.encode())
    result = erase(peopled)
    assert (result.state, [r.path.name for r in result.residue]) == ("residue", ["mine.csv"])
    assert erasing.ledger(peopled)[0]["residue"] == 1


def test_a_replayed_ledger_erases_again(peopled: Lake, tmp_path: Path) -> None:
    """The ledger alone, which holds no name, finds the person in a lake that was put back."""
    shutil.copytree(peopled.path, tmp_path / "old")
    erase(peopled)
    old = Lake.open(tmp_path / "old")
    with alone(old, "keeping"):
        [again] = erasing.replay_held(old, erasing.ledger(peopled), leaves_of)
    assert again.state == "erased"
    assert MAIL.encode() not in everything(old)


def test_a_replayed_ledger_finds_what_others_said(lake: Lake, tmp_path: Path) -> None:
    """In a lake that was put back nobody goes by the name, and yet a call that held it loses its content."""
    take_in(lake, [record(1, user_id="bob", arguments={"to": MAIL}), record(2, user_id="bob")])
    shutil.copytree(lake.path, tmp_path / "old")
    take_in(lake, [record(3, user_id=MAIL)], first=3)
    erase(lake, MAIL)
    old = Lake.open(tmp_path / "old")
    with alone(old, "keeping"):
        [again] = erasing.replay_held(old, erasing.ledger(lake), leaves_of)
    assert (again.state, again.rows) == ("erased", 1)
    assert MAIL.encode() not in everything(old)
    assert ask(old, "SELECT count(*), count(args_json), count(user_id) FROM events") == [(2, 1, 2)]
    with alone(old, "keeping"):
        assert erasing.replay_held(old, erasing.ledger(lake), leaves_of) == []


KILLED = """
import os, sys
from pathlib import Path
from store import durable
from store.keeping import approving, erasing, notes
from store.lake import Lake
from store.locks import alone

left = int(sys.argv[2])

def dying(real):
    def step(*arguments, **named):
        global left
        left -= 1
        if left < 0:
            os._exit(9)
        return real(*arguments, **named)
    return step

lake = Lake.open(sys.argv[1])
os.link, os.fsync = dying(os.link), dying(os.fsync)
Path.unlink, Path.rename = dying(Path.unlink), dying(Path.rename)
with alone(lake, "keeping"):
    if waiting := notes.unfinished(lake):
        results = erasing.resume_held(lake)  # none where it was killed after the ledger had it, before the note went
    else:
        [request] = [r for r in approving.requests(lake) if r.state == "approved"]
        results = [erasing.carry_out(lake, request)]
print(*[result.state for result in results] or ["erased"], left)
"""


def run_killed(lake: Path, steps: int) -> tuple[int, str]:
    """Carry out, or go on with, an erasure in a process that dies at a step; returns its exit code and last word."""
    tests = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", KILLED, str(lake), str(steps)], capture_output=True, text=True,
                          check=False, env={"PYTHONPATH": f"{tests}:{tests.parent}", "PATH": "/usr/bin"})  # fmt: skip
    return done.returncode, done.stdout.strip() or done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_killed_at_any_step_it_finishes_after(peopled: Lake, seed: int) -> None:
    """Killed at a durable step, again and again each time later, the next run goes on; at the end nothing is left."""
    subject, _ = erasing.whom(peopled, ["zquill-77"], leaves_of)
    request = erasing.propose(peopled, subject, "she asked", "ana")
    approving.decide(peopled, request.request_id, "ben", approve=True)
    code, steps, kills = 9, seed, 0
    while code == 9:
        code, said = run_killed(peopled.path, steps)
        kills += code == 9
        steps += 23 if seed else 3
        if code == 9 and kills % 2:
            assert Lake.open(peopled.path).snapshot("events").rows == 6
    assert (code, said.split()[0]) == (0, "erased"), said
    assert kills > 3
    again = Lake.open(peopled.path)
    content = everything(again)
    assert MAIL.encode() not in content
    assert b"zquill-77" not in content
    assert (one(again, "SELECT count(*) FROM events"), one(again, "SELECT count(user_id) FROM events")) == (
        6,
        2,
    )
    rows = again.sql("FROM events").arrow()
    assert leaves(rows).equals(rows["leaf_hash"])


def test_what_was_said_at_the_door_of_a_person_is_gone(peopled: Lake) -> None:
    """A reason and a stated name are free text: the names go from them, the record of the question stays."""
    door = Door(peopled, Policy({"all": Role("all", ("*",))}, {"*": ("all",)}), AccessSettings())
    statement = "SELECT 1 AS one FROM events WHERE user_email = 'HERS'".replace("HERS", MAIL)
    for why in (f"CASE-7: what {MAIL} did", "CASE-7 about ZQUILL-77, urgent"):
        asked = Question(statement, "all", why, "Zora Quill")
        door.ask(Caller.this("test"), asked)
    before = ask(peopled, "SELECT access_id, statement, result_digest FROM access_log ORDER BY ALL")
    assert MAIL not in str(before)
    result = erase(peopled)
    token = f"erased-{result.erasure_id}"
    assert (
        result.state,
        scan(peopled, Subject((MAIL, "zquill-77", "Zora Quill")), peopled.path / "none"),
    ) == (
        "erased",
        [],
    )
    rows = ask(peopled, "SELECT why, stated FROM access_log ORDER BY asked_time")
    assert rows == [(f"CASE-7: what {token} did", token), (f"CASE-7 about {token}, urgent", token)]
    assert ask(peopled, "SELECT access_id, statement, result_digest FROM access_log ORDER BY ALL") == before
    assert verify(peopled, Options()).faults == []
