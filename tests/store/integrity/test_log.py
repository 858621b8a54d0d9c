"""The log: laid out as tlog-tiles, one history however many write, whole after a crash at any step."""

from __future__ import annotations

import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lakes import rows_of

from store import commit as delta
from store.errors import IntegrityError, UsageError
from store.integrity import entries, merkle, signing
from store.integrity.log import CHECKPOINT, NEXT, Log
from store.integrity.note import BadNoteError, VerifierKey, parse, verified_by
from store.integrity.signing import LogKey
from store.integrity.tiles import Tiles, bundle, tile_path, unbundle
from store.integrity.verify import Options, verify
from store.lake import Lake
from store.tables import TABLES

CHILD = """
import os, sys
import store.integrity.log, store.integrity.tiles, store.lake
from lakes import rows_of
from store.lake import Lake
step, kind = int(sys.argv[2]), sys.argv[3]
lake = Lake.open(sys.argv[1])
from store.durable import write_file as real
def write_file(path, content):
    global step
    if step == 0:
        os._exit(7)
    step -= 1
    real(path, content)
for module in (store.integrity.log, store.integrity.tiles, store.integrity.signing):
    module.write_file = write_file
sweep = store.integrity.tiles.Tiles.sweep
def dying_sweep(self, old, new):
    if step == 0:
        os._exit(7)
    sweep(self, old, new)
store.integrity.tiles.Tiles.sweep = dying_sweep
if kind == "rotate":
    lake.log.rotate()
else:
    lake.append("events", rows_of({"user_id": "ana"}, {}))
print("done")
"""


def faults(lake: Lake) -> list[str]:
    """Return what verification finds wrong."""
    return [f"{fault.check}: {fault.what} at {fault.where}" for fault in verify(lake, Options()).faults]


def keys_of(lake: Lake) -> list[VerifierKey]:
    """Return the public keys the log names."""
    assert lake.log is not None
    named = [body["keys"] for _, body in lake.log.entries() if body["type"] == "key"]
    return [VerifierKey.parse(text) for texts in named for text in texts]


def log_of(lake: Lake) -> Log:
    """Return the log of a lake that has one."""
    assert lake.log is not None
    return lake.log


# --- layout -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("index", "width", "path"),
    [
        (0, 256, "000"),
        (999, 256, "999"),
        (1000, 256, "x001/000"),
        (1234067, 256, "x001/x234/067"),
        (5, 7, "005.p/7"),
    ],
)
def test_tiles_lie_where_the_standard_says(index: int, width: int, path: str) -> None:
    """c2sp.org/tlog-tiles: three digits an element, all but the last with an x, partial ones in a folder."""
    assert tile_path(0, index, width) == f"tile/0/{path}"
    assert tile_path("entries", index, width) == f"tile/entries/{path}"


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_entries_come_out_of_a_bundle_as_they_went_in(given_entries: list[bytes]) -> None:
    """Lengths of two bytes; a file that ends in the middle of an entry is refused."""
    content = bundle(given_entries)
    assert unbundle(content) == given_entries
    if given_entries:
        with pytest.raises(ValueError, match="middle"):
            unbundle(content[:-1])


@settings(max_examples=15, deadline=None)
@given(st.lists(st.sampled_from([1, 2, 3, 200, 255, 256, 257, 600]), min_size=1, max_size=7))
def test_a_log_grows_to_the_tree_of_all_its_entries(
    tmp_path_factory: pytest.TempPathFactory, steps: list[int]
) -> None:
    """However the entries come, root, hashes and entries are those of one tree, and no outgrown file is left."""
    tiles = Tiles(tmp_path_factory.mktemp("log"))
    every: list[bytes] = []
    for step in steps:
        fresh = [f"{len(every) + n}".encode() for n in range(step)]
        size, root = tiles.extend(len(every), fresh)
        tiles.sweep(len(every), size)
        every += fresh
        hashes = b"".join(map(merkle.leaf, every))
        assert (size, root) == (len(every), merkle.root(hashes))
        assert tiles.root(size) == root
        assert tiles.hashes(size) == hashes
    assert list(tiles.entries(0, len(every))) == every
    assert list(tiles.entries(len(every) - 1, len(every))) == every[-1:]
    assert set(found(tiles.folder)) == set(wanted(len(every)))


def found(folder: Path) -> list[str]:
    """Return the files under a folder."""
    return [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]


def wanted(size: int) -> list[str]:
    """Return the files that tlog-tiles wants of a log of a size."""
    names, level = [], 0
    while size:
        names += [tile_path(level, index) for index in range(size // 256)]
        if size % 256:
            names.append(tile_path(level, size // 256, size % 256))
        size, level = size // 256, level + 1
    return names + [name.replace("tile/0/", "tile/entries/") for name in names if name.startswith("tile/0/")]


# --- what is logged ---------------------------------------------------------------------------------------------


def test_a_fresh_lake_has_a_log_that_tells_of_every_table(lake: Lake) -> None:
    """The first entry names the keys; each table is there from its first commit."""
    told = [body for _, body in log_of(lake).entries()]
    assert told[0]["type"] == "key"
    assert {body["table"] for body in told[1:]} == set(TABLES)
    assert faults(lake) == []
    assert stat.S_IMODE((lake.path / signing.FILE_NAME).stat().st_mode) == 0o600


def test_a_commit_is_an_entry_that_says_what_came_in(lake: Lake) -> None:
    """Digests of files and commit, the root of each stream, and how far it was taken in."""
    events = [{"source_topic": "a", "source_offset": 5}, {"source_topic": "b", "source_offset": 1},
              {"source_topic": "a", "source_offset": 9}]  # fmt: skip
    version = lake.append("events", rows_of(*events), [delta.Advance("a-0", None, 9)], {"rows": 3})
    *_, (_, body) = log_of(lake).entries()
    assert (body["type"], body["table"], body["version"], body["note"]) == (
        "append",
        "events",
        version,
        {"rows": 3},
    )
    assert [(s["topic"], s["first"], s["last"], s["rows"]) for s in body["streams"]] == [
        ("a", 5, 9, 2),
        ("b", 1, 1, 1),
    ]
    assert body["positions"] == [["a-0", 9]]
    assert body["heads"]["events"] == version
    assert lake.sql("SELECT DISTINCT batch_id FROM events").arrow().to_pylist() == [
        {"batch_id": body["batch"]}
    ]


def test_a_checkpoint_is_signed_twice_and_a_changed_one_is_not(lake: Lake) -> None:
    """Ed25519 and ML-DSA-44; with another size or root, or another key of that name, nothing holds."""
    text = (lake.path / "log" / CHECKPOINT).read_text()
    keys = keys_of(lake)
    assert [key.kind for key in verified_by(parse(text), keys)] == [1, 6]
    origin, size, root, *rest = text.split("\n")
    for forged in (
        (origin, str(int(size) + 1), root, *rest),
        (origin, size, root.replace(root[:4], "AAAA", 1), *rest),
    ):
        with pytest.raises(BadNoteError, match="does not hold"):
            verified_by(parse("\n".join(forged)), keys)
    other = LogKey.of(bytes(32), origin)
    assert verified_by(parse(text), [signer.key for signer in other.signers]) == []


@pytest.mark.parametrize(
    "broken",
    ["", "a\n1\n", "a\n01\nAAAA\n\n— a AAAA\n", "a\n-1\n" + "A" * 43 + "=\n\n— a AAAAAAA=\n",
     "a\n1\nAAAA\n\n— a AAAAAAAA\n", "a\n1\n" + "A" * 43 + "=\n\na AAAAAAAA\n",
        "a\t\n1\n" + "A" * 43 + "=\n\n— a AAAAAAAA\n"],
)  # fmt: skip
def test_what_is_no_checkpoint_is_refused(broken: str) -> None:
    """No lenient reading: a size with a zero before it, a short root, a line without a dash."""
    with pytest.raises(BadNoteError):
        parse(broken)


def test_an_entry_that_would_be_too_long_is_parted(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry holds 64 KiB; the parts together say what the one would, and verification reads them so."""
    monkeypatch.setattr(entries, "LIMIT", 2000)
    lake.append("events", rows_of(*[{"source_topic": f"t{n}"} for n in range(40)]))
    told = [body for _, body in log_of(lake).entries() if body["type"] == "append"]
    assert len(told) > 2
    assert [body["part"] for body in told] == [[n + 1, len(told)] for n in range(len(told))]
    assert {s["topic"] for body in told for s in body["streams"]} == {f"t{n}" for n in range(40)}
    assert max(len(entries.encode(body)) for body in told) < 2600
    assert faults(lake) == []


def test_facts_that_are_no_commit_stand_between_the_commits(lake: Lake) -> None:
    """A hold, a release, an hour in which nothing came."""
    index = log_of(lake).append("hold", {"hold": "h-1", "rows": 3})
    lake.append("events", rows_of({}))
    [(at, body), *_] = log_of(lake).entries(index)
    assert (at, body["type"], body["hold"], body["rows"]) == (index, "hold", "h-1", 3)
    assert faults(lake) == []


def test_a_lake_can_be_made_without_a_log(tmp_path: Path) -> None:
    """Then rows have no leaf, nothing is logged, and verification says so instead of finding nothing."""
    bare = Lake.create(tmp_path / "bare", integrity=False)
    bare.append("events", rows_of({}))
    assert Lake.open(bare.path).log is None
    assert not (bare.path / "log").exists()
    assert bare.sql("SELECT leaf_hash, person_salt, batch_id FROM events").arrow().to_pylist()[0] == {
        "leaf_hash": None, "person_salt": None, "batch_id": None,
    }  # fmt: skip
    with pytest.raises(UsageError, match="without a transparency log"):
        verify(bare, Options())


def test_a_lake_from_before_the_log_gets_one_with_its_next_write(lake: Lake) -> None:
    """Its history is adopted: each commit becomes an entry, and what was not sealed is said to be not covered."""
    bare = Lake(lake.path, lake.site_key, integrity=False)
    bare.append("events", rows_of({}))
    shutil.rmtree(lake.path / "log")
    (lake.path / signing.FILE_NAME).unlink()
    lake.append("events", rows_of({"event_id": "f" * 32}))
    report = verify(lake, Options())
    assert report.faults == []
    assert any("1 events from before the log" in text for text in report.uncovered)


# --- keys -------------------------------------------------------------------------------------------------------


def test_a_new_key_is_named_by_an_entry_the_old_one_signed(lake: Lake) -> None:
    """Checkpoints of before and after hold under the chain of keys, and writing goes on with the new one."""
    before = keys_of(lake)
    secret = (lake.path / signing.FILE_NAME).read_text()
    log_of(lake).rotate()
    lake.append("events", rows_of({}))
    after = keys_of(lake)
    assert after[:2] == before
    assert len({str(key) for key in after}) == 4
    assert (lake.path / signing.FILE_NAME).read_text() != secret
    note = parse((lake.path / "log" / CHECKPOINT).read_text())
    assert verified_by(note, after) == after[2:]
    assert faults(lake) == []


def test_a_key_that_is_not_the_logs_signs_nothing(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither from the file nor from the environment; the commit is not made under it either."""
    monkeypatch.setenv(signing.VARIABLE, "11" * 32)
    with pytest.raises(UsageError, match="signed by another key"):
        lake.check_writable()
    monkeypatch.setenv(signing.VARIABLE, "no hex, but secret")
    with pytest.raises(UsageError, match="64 hex digits") as error:
        lake.check_writable()
    assert "secret" not in str(error.value)


def test_the_key_may_stay_out_of_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the environment it is never written."""
    monkeypatch.setenv(signing.VARIABLE, "22" * 32)
    lake = Lake.create(tmp_path / "lake")
    lake.append("events", rows_of({}))
    assert not (lake.path / signing.FILE_NAME).exists()
    assert faults(lake) == []
    with pytest.raises(UsageError, match="comes from"):
        log_of(lake).rotate()
    lake.append("events", rows_of({"event_id": "f" * 32}))
    assert faults(lake) == []


# --- crashes and company ----------------------------------------------------------------------------------------


def run(lake: Lake, step: int, kind: str) -> int:
    """Do something in a process of its own that dies before its nth write; returns how it ended."""
    command = [sys.executable, "-c", CHILD, str(lake.path), str(step), kind]
    paths = {"PYTHONPATH": f"{Path(__file__).parents[2]}:{Path(__file__).parents[3]}"}
    return subprocess.run(command, env=paths, check=False, capture_output=True, timeout=120).returncode


@pytest.mark.parametrize("step", range(4))
def test_a_crash_between_commit_and_checkpoint_is_healed(lake: Lake, step: int) -> None:
    """Before the entry, the tile, the checkpoint, the tidying: the next writer logs the commit once, and only once."""
    assert run(lake, step, "append") == 7
    assert lake.snapshot("events").rows == 2
    size = parse((lake.path / "log" / CHECKPOINT).read_text()).checkpoint.size
    assert (size == 1 + len(TABLES)) == (step < 3)
    Lake.open(lake.path).check_writable()
    lake.append("events", rows_of({"event_id": "f" * 32}))
    told = [body["version"] for _, body in log_of(lake).entries() if body.get("table") == "events"]
    assert told == [0, 1, 2]
    assert faults(lake) == []
    assert set(found(lake.path / "log")) == {*wanted(size_of(lake)), "checkpoint", ".lock", "verified"}


@pytest.mark.parametrize("step", [0, 1, 3, 4])
def test_a_crash_while_the_key_is_replaced_leaves_one_that_signs(lake: Lake, step: int) -> None:
    """Either the old key is still the log's or the new one is: never neither."""
    assert run(lake, step, "rotate") in (7, 0)
    lake.append("events", rows_of({}))
    assert not (lake.path / NEXT).exists()
    assert faults(lake) == []


def size_of(lake: Lake) -> int:
    """Return the size of the log."""
    head = log_of(lake).head()
    assert head is not None
    return head.checkpoint.size


def test_writers_at_once_make_one_history(lake: Lake) -> None:
    """Processes that commit and log at the same time lose no entry and double none."""
    script = (
        "import sys\nfrom lakes import rows_of\nfrom store.lake import Lake\nlake = Lake.open(sys.argv[1])\n"
        "for n in range(4):\n"
        "    lake.append('events', rows_of({'source_topic': sys.argv[2], 'source_offset': n}))\n"
        "    lake.log.append('hold', {'hold': f'{sys.argv[2]}-{n}'})\n"
    )
    paths = {"PYTHONPATH": f"{Path(__file__).parents[2]}:{Path(__file__).parents[3]}"}
    command = [sys.executable, "-c", script, str(lake.path)]
    children = [subprocess.Popen([*command, name], env=paths) for name in "abc"]
    assert [child.wait(180) for child in children] == [0, 0, 0]
    told = [body for _, body in log_of(lake).entries()]
    assert sorted(b["version"] for b in told if b.get("table") == "events") == list(range(13))
    assert {b["hold"] for b in told if b["type"] == "hold"} == {
        f"{name}-{n}" for name in "abc" for n in range(4)
    }
    assert faults(lake) == []


def test_verification_beside_a_writer_finds_no_fault(lake: Lake) -> None:
    """The log grows while it is read: what was read is held to the checkpoint that was read."""
    script = (
        "import sys\nfrom lakes import rows_of\nfrom store.lake import Lake\nlake = Lake.open(sys.argv[1])\n"
        "print('ready', flush=True)\n"
        "for n in range(400):\n"
        "    lake.log.append('hold', {'hold': str(n)})\n"
        "    n % 20 or lake.append('events', rows_of({'source_offset': n}))\n"
    )
    paths = {"PYTHONPATH": f"{Path(__file__).parents[2]}:{Path(__file__).parents[3]}"}
    command = [sys.executable, "-c", script, str(lake.path)]
    with subprocess.Popen(command, env=paths, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"ready\n"
        for _ in range(4):
            assert faults(lake) == []
        writer.kill()
    lake.check_writable()
    assert faults(lake) == []


def test_a_commit_that_could_not_be_logged_is_not_made(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the key nothing is written: not by a job either, which does not look before."""
    monkeypatch.setenv(signing.VARIABLE, "11" * 32)
    with pytest.raises(UsageError, match="signed by another key"):
        lake.append("events", rows_of({}))
    assert lake.snapshot("events").version == 0


def test_a_broken_log_stops_writers_before_they_commit(lake: Lake) -> None:
    """What cannot be logged is not begun: the source keeps it until the log is mended."""
    (lake.path / "log" / CHECKPOINT).write_text("nonsense")
    with pytest.raises(IntegrityError, match="checkpoint cannot be read"):
        lake.check_writable()
