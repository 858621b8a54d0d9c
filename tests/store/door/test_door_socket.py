"""The door as a service: real sockets, the kernel's word on who asks, and what happens to those who misbehave."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import guarded
import pytest
from guarded import POLICY

from store.door import connect, wire
from store.door.door import Door, Question
from store.door.serving import Service
from store.errors import DeniedError, UnreachableError, UsageError
from store.lake import Lake
from store.settings import AccessSettings

pytestmark = pytest.mark.slow

ME = os.getuid()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Return a lake with rows of two organisations."""
    return guarded.make(tmp_path_factory.mktemp("world") / "lake", "a")


@pytest.fixture(scope="module")
def service(world: Lake) -> Iterator[Path]:
    """Return the socket of a door that is being served."""
    folder = Path(
        tempfile.mkdtemp(prefix="door-")
    )  # a socket's path may have 107 bytes, pytest's folders are longer
    path = folder / "door.sock"
    service = Service(Door(world, POLICY, AccessSettings(), threads=1, ahead=True), path, questions=2)
    thread = threading.Thread(target=service.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield path
    service.shutdown()
    thread.join()
    service.server_close()
    assert not path.exists()
    folder.rmdir()


def test_answers_come_over_the_socket(world: Lake, service: Path) -> None:
    """The rows are those of the door in this process, and the log names the user the kernel knows."""
    statement = "SELECT event_id, user_email, user_id FROM events ORDER BY ALL"
    over = connect(socket=service, role="bound", why="CASE-1").sql(statement)
    assert over.rows == 24

    record = world.sql("FROM access_log WHERE access_id = $id", {"id": over.access_id}).arrow().to_pylist()[0]
    assert (record["os_uid"], record["via"], record["rows"]) == (ME, "socket", 24)
    assert over.polars().height == 24


def test_errors_come_over_the_socket(service: Path) -> None:
    """A denial is a denial on the other side, with its hint; a wrong question a wrong question."""
    with pytest.raises(DeniedError, match="not granted") as raised:
        connect(socket=service, role="bound", why="CASE-1").sql("FROM findings")
    assert raised.value.name == "findings"
    with pytest.raises(UsageError, match="no_such"):
        connect(socket=service, role="bound", why="CASE-1").sql("SELECT no_such FROM events")
    with pytest.raises(DeniedError, match="reason"):
        connect(socket=service, role="bound").sql("SELECT 1")


def test_the_socket_is_for_its_owner(service: Path) -> None:
    """Without a group nobody else can connect."""
    assert stat.S_IMODE(service.stat().st_mode) == 0o600


@pytest.mark.skipif(ME != 0, reason="only root can become someone else")
def test_who_asks_is_the_kernels_word(world: Lake, service: Path) -> None:
    """A process of another user is another caller, whatever it says of itself."""
    script = (
        "import os, sys; from store.door import wire; from store.door.door import Question\n"
        "import socket, json\n"
        "s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); os.setuid(65534)\n"
        "t = socket.socket(socket.AF_UNIX); t.connect(sys.argv[1])\n"
        "t.sendall(wire.question_line(Question('SELECT 1', 'bound', 'CASE-9', 'root')))\n"
        "print(t.makefile('rb').readline())"
    )
    service.parent.chmod(0o755)
    service.chmod(0o666)
    run = subprocess.run(
        [sys.executable, "-c", script, str(service)], capture_output=True, timeout=60, check=False
    )
    service.chmod(0o600)
    assert b"access_id" in run.stdout, run.stderr
    record = world.sql("FROM access_log WHERE why = 'CASE-9'").arrow().to_pylist()[0]
    assert (record["os_uid"], record["stated"]) == (65534, "root")


def test_what_is_no_question_is_told_so(service: Path) -> None:
    """Garbage gets an error, and the door goes on."""
    for line in (
        b"",
        b"\n",
        b"not json\n",
        b"[]\n",
        b'{"statement": 1}\n',
        b"\xff\xfe\n",
        b"{" * 1000 + b"\n",
    ):
        with socket.socket(socket.AF_UNIX) as raw:
            raw.connect(str(service))
            raw.sendall(line)
            raw.shutdown(socket.SHUT_WR)
            assert b"this is not a question" in raw.makefile("rb").readline()
    assert connect(socket=service, role="bound", why="x").sql("SELECT 1 AS x").rows == 1


def test_who_leaves_is_recorded_and_hinders_nobody(world: Lake, service: Path) -> None:
    """A caller who closes before the answer has a record all the same."""
    with socket.socket(socket.AF_UNIX) as raw:
        raw.connect(str(service))
        raw.sendall(wire.question_line(Question("SELECT count(*) FROM events", "bound", "LEFT-1")))
    assert connect(socket=service, role="bound", why="x").sql("SELECT 1 AS x").rows == 1
    for _ in range(100):
        if world.sql("FROM access_log WHERE why = 'LEFT-1'").arrow().num_rows:
            return
        threading.Event().wait(0.1)
    pytest.fail("no record")


def test_many_ask_at_once(world: Lake, service: Path) -> None:
    """Questions at once are all answered and each is recorded once, in no more commits than there are questions."""

    def ask(number: int) -> str:
        return (
            connect(socket=service, role="bound", why=f"MANY-{number}").sql(f"SELECT {number} AS x").access_id
        )

    with ThreadPoolExecutor(4) as pool:
        ids = list(pool.map(ask, range(4)))
    found = (
        world.sql("SELECT access_id FROM access_log WHERE why LIKE 'MANY-%'").arrow()["access_id"].to_pylist()
    )
    assert sorted(found) == sorted(ids)


def test_a_second_door_is_refused(world: Lake, service: Path) -> None:
    """Two doors cannot listen at one place, and nothing but a stale socket is ever removed."""
    door = Door(world, POLICY, AccessSettings())
    with pytest.raises(UsageError, match="listens here already"):
        Service(door, service)
    other = service.parent / "notes.txt"
    other.write_text("mine")
    with pytest.raises(UsageError, match="not a socket"):
        Service(door, other)
    assert other.read_text() == "mine"
    other.unlink()
    link = service.parent / "link.sock"
    link.symlink_to(service)
    with pytest.raises(UsageError, match="not a socket"):
        Service(door, link)
    link.unlink()


def test_a_stale_socket_is_replaced(world: Lake) -> None:
    """After a crash the door opens again at the same place."""
    folder = Path(tempfile.mkdtemp(prefix="door-"))
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(folder / "s"))
    stale.close()
    service = Service(Door(world, POLICY, AccessSettings()), folder / "s")
    with socket.socket(socket.AF_UNIX) as caller:
        assert caller.connect_ex(str(folder / "s")) == 0, "nobody listens at the place of the stale socket"
    service.server_close()
    assert not list(folder.iterdir()), "the socket is left behind"
    folder.rmdir()


def test_an_unknown_group_is_said(world: Lake) -> None:
    """access.group must exist; nothing is left listening when it does not."""
    folder = Path(tempfile.mkdtemp(prefix="door-"))
    with pytest.raises(UsageError, match="no such group"):
        Service(Door(world, POLICY, AccessSettings()), folder / "s", group="no-such-group-here")
    folder.rmdir()


def test_no_door_no_answer(tmp_path: Path) -> None:
    """Where nothing listens, that is said with the way to open one."""
    with pytest.raises(UnreachableError, match="door serve"):
        connect(socket=tmp_path / "none", role="bound", why="x").sql("SELECT 1")


def test_an_answer_that_breaks_off_is_none() -> None:
    """What does not arrive whole, or is not what was digested, raises."""
    folder = Path(tempfile.mkdtemp(prefix="door-"))
    path = folder / "s"
    head = b'{"digest": "00", "cut": false, "versions": {}, "access_id": "x"}\n'
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()

        def reply(content: bytes) -> None:
            connection, _ = server.accept()
            with connection:
                connection.makefile("rb").readline()
                connection.sendall(content)

        for content in (b"", b"{", head, head + b"\xff\xff\xff\xff"):
            thread = threading.Thread(target=reply, args=(content,))
            thread.start()
            with pytest.raises(UnreachableError):
                wire.ask(path, Question("SELECT 1", "bound"))
            thread.join()
    path.unlink()
    folder.rmdir()
