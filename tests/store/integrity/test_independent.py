"""Code that shares nothing with ours comes to the same verdict: Go's checksum-database library reads the log."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from lakes import record, rows_of, take_in

from store.integrity import evidence
from store.integrity.log import CHECKPOINT
from store.integrity.tiles import tile_path
from store.lake import Lake

pytestmark = pytest.mark.slow
PROGRAM = Path(__file__).with_name("independent")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the program, built with the module versions that go.sum pins."""
    go = shutil.which("go")
    if go is None:
        pytest.skip("Go is not here: the independent check of the log was not run")
    built = tmp_path_factory.mktemp("go") / "independent"
    done = subprocess.run(
        [go, "build", "-o", built, "."], cwd=PROGRAM, capture_output=True, text=True, check=False
    )
    if done.returncode and "golang.org/x/mod" in done.stderr and "dial" in done.stderr:
        pytest.skip("the Go module cannot be fetched: the independent check of the log was not run")
    assert done.returncode == 0, done.stderr
    return built


@pytest.fixture(scope="module")
def logged(empty_lake: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a lake whose log has more than one full tile, with a checkpoint from before."""
    lake = Lake.open(shutil.copytree(empty_lake, tmp_path_factory.mktemp("logged") / "lake"))
    take_in(lake, [record(n) for n in range(20)])
    shutil.copy(lake.path / "log" / CHECKPOINT, lake.path / "older")
    assert lake.log is not None
    for number in range(300):
        lake.log.append("heartbeat", {"number": number})
    take_in(lake, [record(n) for n in range(20, 25)], 20)
    return lake.path


@pytest.fixture
def log(logged: Path, tmp_path: Path) -> Path:
    """Return a log of one's own to damage."""
    return shutil.copytree(logged / "log", tmp_path / "log")


def key(lake: Path) -> str:
    """Return the Ed25519 key of a lake's log."""
    opened = Lake.open(lake)
    assert opened.log is not None
    return str(next(body["keys"][0] for _, body in opened.log.entries()))


def run(program: Path, log: Path, key: str, *options: str | Path) -> tuple[int, str]:
    """Return how the check ended and what it said."""
    done = subprocess.run(
        [program, *options, log, key], capture_output=True, text=True, check=False, timeout=60
    )
    return done.returncode, done.stdout


def test_go_accepts_our_log_its_history_and_our_proofs(program: Path, logged: Path, tmp_path: Path) -> None:
    """Signature, tiles of two levels, entries, consistency with an older checkpoint, and the proof of an event."""
    lake = Lake.open(logged)
    assert lake.log is not None
    head = lake.log.head()
    assert head is not None
    question = evidence.Question("query", "one", "SELECT min(event_id) FROM events", {})
    evidence.bundle(lake, question, tmp_path / "bundle")
    [proof] = (tmp_path / "bundle" / "proofs").iterdir()
    [entry] = (tmp_path / "bundle" / "entries").iterdir()
    options = ("-old", logged / "older", "-proof", proof, "-entry", entry)
    assert run(program, logged / "log", key(logged), *options) == (0, f"ok {head.checkpoint.size}\n")


@pytest.mark.parametrize(
    ("name", "place"),
    [
        (tile_path(0, 0), 0.03),
        (tile_path(0, 0), 0.5),
        (tile_path("entries", 0), 0.5),
        (CHECKPOINT, 0.001),
        (CHECKPOINT, 0.04),
    ],
)
def test_go_refuses_what_was_changed(program: Path, logged: Path, log: Path, name: str, place: float) -> None:
    """One bit in a tile, in an entry, in the checkpoint's text or its Ed25519 signature."""
    content = bytearray((log / name).read_bytes())
    content[int(len(content) * place)] ^= 1
    (log / name).write_bytes(content)
    assert run(program, log, key(logged))[0] == 4


@pytest.mark.parametrize("change", [lambda path: path.unlink(), lambda path: path.write_bytes(b"")])
def test_go_refuses_what_is_missing(
    program: Path, logged: Path, log: Path, change: Callable[[Path], object]
) -> None:
    """A full tile of hashes."""
    change(log / tile_path(0, 0))
    assert run(program, log, key(logged))[0] == 4


def test_go_refuses_another_key_and_another_history(program: Path, logged: Path, tmp_path: Path) -> None:
    """A key of the same name, and a checkpoint of a log that began otherwise."""
    other = Lake.create(tmp_path / "other")
    other.append("events", rows_of({}))
    assert run(program, logged / "log", key(other.path))[0] == 4
    assert run(program, logged / "log", key(logged), "-old", other.path / "log" / CHECKPOINT)[0] == 4
