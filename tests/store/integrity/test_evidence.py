"""An evidence bundle is checked by its own program, which needs nothing of ours and is not deceived."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
import zipfile
from base64 import b64decode, b64encode
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from lakes import record, rows_of, take_in
from test_verify import replace

from store.errors import UsageError
from store.integrity import evidence, leaves, retired, streams
from store.integrity.evidence import Question
from store.lake import Lake

EVERY = Question("query", "every event", "SELECT event_id FROM events", {})


@pytest.fixture(scope="module")
def filled(empty_lake: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a lake with two batches of events with every kind of value."""
    lake = Lake.open(shutil.copytree(empty_lake, tmp_path_factory.mktemp("evidence") / "lake"))
    denied = {"event_kind": "tool_decision", "decision": "deny", "decision_reason": "nein\x1b[2J", "duration_ms": 0.1,
              "user_groups": ["a", "b"], "delegation": [{"iss": "https://idp", "sub": "x"}],
              "result": {"key": "value-1234"}}  # fmt: skip
    take_in(lake, [record(n, **(denied if n % 3 == 0 else {})) for n in range(12)])
    take_in(lake, [record(n) for n in range(12, 15)], 12)
    return lake.path


@pytest.fixture
def whole(filled: Path, tmp_path: Path) -> Lake:
    """Return a lake of one's own."""
    return Lake.open(shutil.copytree(filled, tmp_path / "lake"))


@pytest.fixture
def bundle(whole: Lake, tmp_path: Path) -> Path:
    """Return a bundle of all its events."""
    assert evidence.bundle(whole, EVERY, tmp_path / "case") == evidence.Bundled(15, 15, 2, stamped=False)
    return tmp_path / "case"


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with cryptography and what it stands on, as a fresh environment would have it."""
    folder = tmp_path_factory.mktemp("bare")
    for name in ("cryptography", "_cffi_backend", "cffi"):
        found = importlib.util.find_spec(name)
        if found is None or found.origin is None:
            continue
        origin = Path(found.origin)
        source = origin.parent if origin.name == "__init__.py" else origin
        (folder / source.name).symlink_to(source)
    return folder


def run(bundle: Path, bare: Path, *options: str | Path) -> tuple[int, str]:
    """Check a bundle with its own program, and only the standard library and cryptography to import."""
    script = (
        f"import sys, runpy; sys.path.append({str(bare)!r}); sys.argv = sys.argv[1:]; "
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    command = [
        sys.executable,
        "-I",
        "-S",
        "-c",
        script,
        str(bundle / "verify.py"),
        str(bundle),
        *map(str, options),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stdout + done.stderr


def relist(bundle: Path) -> None:
    """Make the manifest anew: whoever changes a bundle can do that."""
    manifest = json.loads((bundle / "manifest.json").read_text())
    for file in manifest["files"]:
        file["sha256"] = sha256((bundle / file["path"]).read_bytes()).hexdigest()
    (bundle / "manifest.json").write_text(json.dumps(manifest))


def test_a_bundle_is_proven_by_its_own_program_alone(bundle: Path, bare: Path) -> None:
    """Nothing but Python and cryptography can be imported, and every event is followed to the signed root."""
    code, said = run(bundle, bare)
    assert code == 0, said
    assert "proven      15 events, 0 of them" in said
    assert "(Ed25519)" in said
    assert "(ML-DSA-44)" in said
    assert "compare keys.txt" in said
    code, said = run(bundle, bare, "--keys", bundle / "keys.txt", "--checkpoint", bundle / "checkpoint")
    assert (code, "not covered" in said) == (0, False)


def test_a_bundle_says_what_was_asked_of_which_versions(bundle: Path) -> None:
    """The question, the table versions, each file's digest, and one proof for each event."""
    manifest = json.loads((bundle / "manifest.json").read_text())
    assert manifest["question"]["text"] == "every event"
    assert manifest["versions"]["events"] == 2
    assert {file["path"] for file in manifest["files"]} == {
        p.relative_to(bundle).as_posix()
        for p in bundle.rglob("*")
        if p.is_file() and p.name != "manifest.json"
    }
    proofs = list((bundle / "proofs").iterdir())
    assert len(proofs) == 15
    assert all(proof.read_text().startswith("c2sp.org/tlog-proof@v1\nextra ") for proof in proofs)


def test_a_zip_is_the_same_bundle(whole: Lake, tmp_path: Path, bare: Path) -> None:
    """One file to hand on."""
    evidence.bundle(whole, EVERY, tmp_path / "case.zip")
    with zipfile.ZipFile(tmp_path / "case.zip") as archive:
        archive.extractall(tmp_path / "out")
    assert run(tmp_path / "out", bare)[0] == 0
    with pytest.raises(UsageError, match="something there already"):
        evidence.bundle(whole, EVERY, tmp_path / "case.zip")


def test_a_question_that_names_nothing_makes_no_bundle(whole: Lake, tmp_path: Path) -> None:
    """And leaves nothing behind."""
    nothing = Question("query", "nothing", "SELECT event_id FROM events WHERE false", {})
    with pytest.raises(UsageError, match="names no event"):
        evidence.bundle(whole, nothing, tmp_path / "case")
    assert [path.name for path in tmp_path.iterdir()] == ["lake"]


def edit_events(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    """Return a change of the first event of a bundle, with the manifest made anew."""

    def edit(bundle: Path) -> None:
        first, *rest = (bundle / "events.ndjson").read_text().splitlines()
        row = json.loads(first)
        change(row)
        (bundle / "events.ndjson").write_text("\n".join([json.dumps(row), *rest]) + "\n")
        relist(bundle)

    return edit


def edit_file(pattern: str, change: Callable[[str], str]) -> Callable[[Path], None]:
    """Return a change of one file of a bundle, with the manifest made anew."""

    def edit(bundle: Path) -> None:
        file = min(bundle.glob(pattern))
        file.write_text(change(file.read_text()))
        relist(bundle)

    return edit


def without_first_step(text: str) -> str:
    """Return a proof whose way through the stream's tree lacks its first step."""
    lines = text.split("\n")
    extra = json.loads(b64decode(lines[1].removeprefix("extra ")))
    extra["path"] = extra["path"][1:]
    lines[1] = "extra " + b64encode(json.dumps(extra).encode()).decode()
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (edit_events(lambda row: row.update(tool_name="harmless")), "not what its leaf says"),
        (edit_events(lambda row: row.update(user_id="bob")), "not what its leaf says"),
        (edit_events(lambda row: row.update(source_offset=99)), "not what its leaf says"),
        (edit_events(lambda row: row.update(person_commitment="00" * 32)), "values of person, which was erased"),
        (edit_events(lambda row: row.update(person_salt=None)), "have no salt"),
        (edit_events(lambda row: row.update(leaf_hash="00" * 32)), "not what its leaf says"),
        (edit_events(lambda row: row.update(leaf_hash=None)), "are proven"),
        (edit_file("proofs/*", without_first_step), "FAULT"),
        (edit_file("proofs/*", lambda text: text.replace("index ", "index 1", 1)), "FAULT"),
        (edit_file("entries/*", lambda text: text.replace('"rows":', '"rows": ', 1)), "is not in the log"),
        (edit_file("checkpoint", lambda text: text.replace("\n", "\n1", 1)), "does not hold"),
        (edit_file("checkpoint", lambda text: text.partition("\n\n")[0] + "\n\n"), "signed by none"),
        (edit_file("events.ndjson", lambda text: text.split("\n", 1)[1]), "are proven"),
        (lambda bundle: shutil.rmtree(bundle / "entries"), "FAULT"),
        (lambda bundle: (bundle / "verify.py").write_text((bundle / "verify.py").read_text() + "\n"), "not the file"),
    ],
)  # fmt: skip
def test_what_was_changed_is_not_believed(
    bundle: Path, bare: Path, change: Callable[[Path], object], said: str
) -> None:
    """With the manifest mended too: an event, a salt, a proof, an entry, the checkpoint, its signatures."""
    change(bundle)
    code, text = run(bundle, bare)
    assert code == 4, text
    assert said in text


def other_columns(change: Callable[[dict[str, Any]], object], **values: object) -> Callable[[Path], None]:
    """Return a change of which columns are hashed, and of the first event's values."""

    def edit(bundle: Path) -> None:
        file = bundle / "columns.json"
        columns = json.loads(file.read_text())
        change(columns)
        file.write_text(json.dumps(columns))
        edit_events(lambda row: row.update(values))(bundle)

    return edit


ALIKE = "granted_4523671"
"""A name with the tag of `decision`, as is found in seconds."""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (edit_events(lambda row: row.update(approved_by="ceo")), "approved_by is in the event and in no hash"),
        (other_columns(lambda c: c["classes"]["texts"].pop("error_message"), error_message="stolen"),
         "error_message is in the event and in no hash"),
        (other_columns(lambda c: c["plain"].update({ALIKE: "text"}), **{ALIKE: "deny"}), "hashed alike"),
        (edit_file("events.ndjson", lambda text: text.splitlines()[0] + "\n" + text), "it is there twice"),
        (edit_file("events.ndjson", lambda _text: "[" * 100_000), "the bundle is none"),
        (edit_file("events.ndjson", lambda _text: "[]\n"), "the bundle is none"),
        (edit_file("columns.json", lambda _text: "7"), "FAULT"),
        (edit_file("entries/*", lambda _text: "[1]"), "is not in the log"),
        (edit_events(lambda row: row.update(event_id="\x1b[2J", args_leaves=[1 << 70])), "event ?[2J:"),
        (lambda bundle: (bundle / "manifest.json").write_text("[]"), "the bundle is none"),
        (edit_file("keys.txt", lambda _text: "no key at all\n"), "FAULT"),
    ],
)  # fmt: skip
def test_a_hostile_bundle_is_a_fault_and_no_crash(
    bundle: Path, bare: Path, change: Callable[[Path], object], said: str
) -> None:
    """What its maker adds beside what is hashed, calls otherwise, doubles or breaks is told, and harms no terminal."""
    assert sha256(ALIKE.encode()).digest()[:3] == sha256(b"decision").digest()[:3]
    change(bundle)
    code, text = run(bundle, bare)
    assert (code, "Traceback" in text, "\x1b" in text) == (4, False, False), text
    assert said in text


def test_keys_got_another_way_are_what_counts(bundle: Path, bare: Path, tmp_path: Path) -> None:
    """A bundle made by whoever brings their own keys passes under theirs only."""
    other = Lake.create(tmp_path / "other")
    other.append("events", rows_of({"event_id": "e" * 32}))
    evidence.bundle(other, EVERY, tmp_path / "forged")
    assert run(tmp_path / "forged", bare)[0] == 0
    code, said = run(tmp_path / "forged", bare, "--keys", bundle / "keys.txt")
    assert code == 4
    assert "signed by none of the keys" in said


def test_no_text_of_an_event_reaches_the_terminal(whole: Lake, bare: Path, tmp_path: Path) -> None:
    """Logs hold what an attacker chose, and so may a question."""
    question = Question("query", "x\x1b[2J", "SELECT event_id FROM denials", {})
    evidence.bundle(whole, question, tmp_path / "case")
    assert "\x1b" not in run(tmp_path / "case", bare)[1]


def test_erased_and_retired_rows_leave_the_others_proven(whole: Lake, bare: Path, tmp_path: Path) -> None:
    """After erasure, compaction and retention the bundle's program still comes to the root that was logged."""
    replace(
        whole, lambda rows: leaves.erase(rows, "person", [n % 2 == 0 for n in range(rows.num_rows)]), "erase"
    )
    rows = pa.concat_tables([pq.ParquetFile(file).read() for file in whole.snapshot("events").paths()])
    gone = pa.array([n % 3 == 0 for n in range(rows.num_rows)])
    moment = rows["ingest_time"][0].as_py()
    whole.append(
        "retired_leaves", retired.nodes(rows.select(streams.COLUMNS), gone, {}, "r-1", "retention", moment)
    )
    kept = pa.array([n % 3 != 0 for n in range(rows.num_rows)])
    replace(whole, lambda rows: rows.filter(kept), "expire", retired="r-1")
    assert evidence.bundle(whole, EVERY, tmp_path / "case").proven == 10
    code, said = run(tmp_path / "case", bare)
    assert code == 0, said
    assert "proven      10 events, 5 of them with values erased" in said


def test_events_from_before_the_log_are_said_to_have_no_proof(
    whole: Lake, bare: Path, tmp_path: Path
) -> None:
    """They are handed on, and not counted as proven."""
    Lake(whole.path, whole.site_key, integrity=False).append("events", rows_of({"event_id": "e" * 32}))
    assert evidence.bundle(whole, EVERY, tmp_path / "case").proven == 15
    code, said = run(tmp_path / "case", bare)
    assert code == 0, said
    assert "not covered 1 events from before the log" in said
