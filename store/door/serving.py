"""The door as a service: a Unix socket on which the kernel says who asks."""

from __future__ import annotations

import contextlib
import grp
import os
import socket
import socketserver
import struct
import threading
from pathlib import Path
from typing import IO, cast

from store.door import wire
from store.door.door import Caller, Door
from store.errors import TooltrailError, UnreachableError, UsageError

_PATIENCE = 20.0
"""Seconds a caller may take to send a question, or to take a block of its answer."""
_CONNECTIONS = 64
_CREDENTIALS = struct.Struct("3i")


class Service(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Answers one question a connection, at most `questions` at once."""

    daemon_threads = True
    request_queue_size = _CONNECTIONS

    def __init__(self, door: Door, path: Path, *, group: str | None = None, questions: int = 4) -> None:
        """Listen at `path`, for the owner of this process alone, or for a group too."""
        self.door = door
        self.turns = threading.Semaphore(questions)
        self._places = threading.BoundedSemaphore(_CONNECTIONS)
        self._path = path
        if not hasattr(socket, "SO_PEERCRED"):
            raise UnreachableError("this system does not say who is at the other end of a socket")
        _make_room(path)
        before = os.umask(0o177)
        try:
            super().__init__(str(path), _Connection)
        except OSError as error:
            reason = error.strerror or str(error)
            raise UnreachableError(f"the door cannot listen: {reason}", where=str(path)) from error
        finally:
            os.umask(before)
        try:
            if group is not None:
                _open_to(path, group)
        except UsageError:
            self.server_close()
            raise

    def verify_request(self, request: object, client_address: object) -> bool:  # noqa: ARG002 - the library's names
        """Let in no more connections than there are places."""
        return self._places.acquire(blocking=False)

    def process_request_thread(self, request: socket.socket, client_address: object) -> None:  # type: ignore[override]
        """Serve a connection and give its place back."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def server_close(self) -> None:
        """Stop listening, and end the process that waits for a question."""
        super().server_close()
        self._path.unlink(missing_ok=True)
        self.door.close()


class _Connection(socketserver.StreamRequestHandler):
    timeout = _PATIENCE

    def handle(self) -> None:
        """Answer one question. A caller who leaves is let go: what was asked is recorded."""
        service = cast("Service", self.server)
        with contextlib.suppress(OSError):
            try:
                question = wire.read_question(self.rfile.readline(wire.LONGEST))
                with service.turns:
                    answer = service.door.ask(Caller.of(peer(self.connection), "socket"), question)
                wire.send_answer(cast("IO[bytes]", self.wfile), answer)
            except TooltrailError as error:
                wire.send_error(cast("IO[bytes]", self.wfile), error)
            except Exception as error:  # noqa: BLE001 - the edge: its text may quote what was asked
                bug = TooltrailError(f"this is a bug in the door: {type(error).__name__}")
                wire.send_error(cast("IO[bytes]", self.wfile), bug)


def peer(connection: socket.socket) -> int:
    """Return the user id of the process at the other end, as the kernel knows it."""
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _process, user, _group = _CREDENTIALS.unpack(raw)
    return int(user)


def _make_room(path: Path) -> None:
    """Remove the socket of a door that is gone; UsageError when one answers, or it is something else."""
    if not path.exists() and not path.is_symlink():
        return
    if not path.is_socket() or path.is_symlink():
        raise UsageError("this is not a socket", where=str(path), hint="name another place: --socket")
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            path.unlink(missing_ok=True)
            return
    raise UsageError("a door listens here already", where=str(path))


def _open_to(path: Path, group: str) -> None:
    try:
        os.chown(path, -1, grp.getgrnam(group).gr_gid)
        path.chmod(0o660)
    except KeyError as error:
        raise UsageError("there is no such group", where=f"access.group = {group!r}") from error
    except PermissionError as error:
        raise UsageError(
            "the socket cannot be given to this group", where=f"access.group = {group!r}"
        ) from error
