"""The lake's transparency log: appended to under one lock, true when its signed checkpoint is durable.

    lake/log/checkpoint      how many entries, the root over them, and the signatures
    lake/log/tile/...        hashes and entries (tiles.py)

The checkpoint is replaced last; what was written beyond it when a process died is written over. The log follows the
tables: what each Delta commit says is appended in order of its versions, by whoever comes next.
"""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from store import keys
from store.commit import log_entry, sync_entry
from store.durable import make_folders, write_file
from store.errors import IntegrityError, UsageError
from store.integrity import entries, signing
from store.integrity.note import BadNoteError, Checkpoint, Note, Signer, parse, verified_by
from store.integrity.signing import LogKey
from store.integrity.tiles import Tiles
from store.locks import in_turn

FOLDER = "log"
CHECKPOINT = "checkpoint"
LOCK = ".lock"
NEXT = "log.key.next"

Body = Mapping[str, Any]


@dataclass(frozen=True)
class Head:
    """The log as it stands: its signed checkpoint, and the newest version of each table that it tells of."""

    note: Note
    heads: Mapping[str, int]

    @property
    def checkpoint(self) -> Checkpoint:
        """The checkpoint without its signatures."""
        return self.note.checkpoint


class Log:
    """One lake's log. `tables` are the names of the tables it follows."""

    def __init__(self, lake: Path, tables: Iterable[str]) -> None:
        self.lake = lake
        self.folder = lake / FOLDER
        self.tiles = Tiles(self.folder)
        self._tables = tuple(tables)

    # --- reading ----------------------------------------------------------------------------------------------

    def head(self) -> Head | None:
        """Return the log as it stands, None before its first entry. IntegrityError when it cannot be read."""
        file = self.folder / CHECKPOINT
        try:
            note = parse(file.read_text("utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError, BadNoteError) as error:
            raise IntegrityError(f"the checkpoint cannot be read: {error}", where=str(file)) from error
        size = note.checkpoint.size
        last = list(self.tiles.entries(size - 1, size))[-1]
        try:
            heads = entries.decode(last)["heads"]
        except ValueError as error:
            raise IntegrityError(f"entry {size - 1} cannot be read", where=str(self.folder)) from error
        return Head(note, heads)

    def entries(self, start: int = 0, size: int | None = None) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield the entries from `start` on with their indexes, up to the checkpoint or a size."""
        if size is None:
            head = self.head()
            size = head.checkpoint.size if head is not None else 0
        for index, entry in enumerate(self.tiles.entries(start, size), start):
            yield index, entries.decode(entry)

    def told(self, table: str, version: int) -> Checkpoint | None:
        """Return what the log was when it had told of a table's commit, unsigned; None where it never told of it.

        It does not change as the log grows.
        """
        head, size = self.head(), 0
        for index, entry in self.entries() if head is not None else ():
            if (entry.get("table"), entry.get("version")) == (table, version):
                size = index + 1
        if head is None or not size:
            return None
        return Checkpoint(head.checkpoint.origin, size, self.tiles.root(size))

    # --- writing ----------------------------------------------------------------------------------------------

    def check(self) -> None:
        """Prove that what is about to be committed can be logged: the log can be read, and its key is here.

        Raises what `follow` raises.
        """
        if (head := self.head()) is not None:
            self._key(head)

    def follow(self, settled: tuple[str, int] | None = None) -> Head:
        """Append what the tables' commits say that the log does not tell of yet; durable when this returns.

        So are these commits, whoever made them; `settled` is a table's version that is known to be. Makes the log,
        and its key, if there is none. Raises IntegrityError for a log that is broken, UsageError for a key that is
        not the log's.
        """
        with self._locked():
            return self._append(lambda heads: self._commits(heads, settled))

    def append(self, kind: str, body: Body) -> int:
        """Append a fact that is no commit, after what the tables say; returns its index. Durable when this returns.

        What is in the log stays for ever: keys, counts and digests, never a name or a value.
        """
        with self._locked():
            head = self._append(lambda heads: [*self._commits(heads), _fact(kind, body, heads)])
            return head.checkpoint.size - 1

    def undo(self, table: str, version: int, note: Body | None = None) -> int | None:
        """Append that a commit was found broken and set aside, and all after it: the table goes on from before it.

        Returns the entry's index, None when the log never told of that commit. Durable when this returns.
        """
        with self._locked():
            head = self.head()
            if head is None or head.heads.get(table, -1) < version:
                return None
            heads = {**head.heads, table: version - 1}
            fact = _fact("repair", {**(note or {}), "table": table, "undone": version}, heads)
            return self._write(head, [fact], self._key(head).signers).checkpoint.size - 1

    def rotate(self, note: Body | None = None) -> int:
        """Replace the log's key; the old one signs the entry that names the new. Returns the entry's index.

        UsageError, and nothing is done, when the key comes from the environment.
        """
        signing.check_replaceable()
        with self._locked():
            head = self._append(self._commits)
            old, secret = self._key(head), secrets.token_bytes(keys.SIZE)
            new = LogKey.of(secret, head.checkpoint.origin)
            write_file(self.lake / NEXT, secret.hex().encode() + b"\n")
            body = {**(note or {}), "keys": new.public, "previous": old.public}
            fact = _fact("key", body, dict(head.heads))
            fact["signature"] = b64encode(old.ed25519.sign_text(entries.encode(fact))).decode()
            head = self._write(head, [fact], [*new.signers, *old.signers])
            self._settle_rotation(head)
            return head.checkpoint.size - 1

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the log alone: two processes that append at once would sign two histories."""
        make_folders(self.folder)
        with in_turn(self.folder / LOCK):
            yield

    def _append(self, more: Callable[[dict[str, int]], Sequence[Body]]) -> Head:
        head = self.head()
        if head is None:
            return self._begin(more)
        if (self.lake / NEXT).exists():
            self._settle_rotation(head)
        key = self._key(head)
        bodies = more(dict(head.heads))
        return self._write(head, bodies, key.signers) if bodies else head

    def _begin(self, more: Callable[[dict[str, int]], Sequence[Body]]) -> Head:
        signing.make_secret(self.lake)
        origin = f"tooltrail/{secrets.token_hex(8)}"
        key = LogKey.of(signing.read_secret(self.lake), origin)
        heads: dict[str, int] = {}
        first = _fact("key", {"keys": key.public, "origin": origin}, heads)
        empty = Note(Checkpoint(origin, 0, b""), "", ())
        return self._write(Head(empty, heads), [first, *more(heads)], key.signers)

    def _commits(self, heads: dict[str, int], settled: tuple[str, int] | None = None) -> list[Body]:
        """Return entries of the commits after `heads`, which move with them; they are durable.

        A process that died may have left a commit that is not: what is built upon it would go with it.
        """
        found: list[Body] = []
        for table in self._tables:
            path = self.lake / table
            while log_entry(path, version := heads.get(table, -1) + 1).exists():
                heads[table] = version
                if (table, version) != settled:
                    sync_entry(path, version)
                found += [{**body, "heads": dict(heads)} for body in entries.of_commit(table, path, version)]
        return found

    def _write(self, head: Head, bodies: Sequence[Body], signers: Sequence[Signer]) -> Head:
        """Make entries durable, then the checkpoint over them."""
        old = head.checkpoint
        size, root = self.tiles.extend(old.size, [entries.encode(body) for body in bodies])
        text = Checkpoint(old.origin, size, root).signed(signers)
        write_file(self.folder / CHECKPOINT, text.encode())
        self.tiles.sweep(old.size, size)
        return Head(parse(text), bodies[-1]["heads"])

    def _key(self, head: Head) -> LogKey:
        """Return the key, which must be the one that signed the checkpoint that is built upon."""
        key = LogKey.of(signing.read_secret(self.lake), head.checkpoint.origin)
        try:
            verified = verified_by(head.note, [signer.key for signer in key.signers])
        except BadNoteError as error:
            raise IntegrityError(str(error), where=str(self.folder / CHECKPOINT)) from error
        if len(verified) != len(key.signers):
            raise UsageError(
                "the log is signed by another key", where=str(self.folder / CHECKPOINT),
                hint=f"put back {signing.FILE_NAME}, or set {signing.VARIABLE} to this lake's key",
            )  # fmt: skip
        return key

    def _settle_rotation(self, head: Head) -> None:
        """End a rotation: the new key takes its place if the checkpoint has its signature, else it never was."""
        waiting = self.lake / NEXT
        secret = keys.parse_key(waiting.read_text(), str(waiting), "log key")
        ours = [signer.key for signer in LogKey.of(secret, head.checkpoint.origin).signers]
        if verified_by(head.note, ours):
            signing.replace_secret(self.lake, secret)
        waiting.unlink()


def _fact(kind: str, body: Body, heads: Mapping[str, int]) -> dict[str, Any]:
    return {**body, "type": kind, "time": entries.stamp(datetime.now(UTC)), "heads": dict(heads)}
