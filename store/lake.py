"""The lake: a folder of Delta tables, the site key, and the two things done with them, append and ask.

lake/
  lake.json          layout version, and where the site key is
  site.key           secret of the keyed digests (0600), unless it comes from the environment
  log/, log.key      transparency log of every change (store/integrity), and the secret that signs it (0600)
  tooltrail.toml     configuration
  events/            Delta table: _delta_log/, event_date=.../part-*.parquet, _index/
  dead_letters/, gaps/
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from store import commit as delta
from store import drafts, keys
from store.commit import Advance
from store.datafile import DataFile, encode
from store.durable import check_volume, make_folders, write_file
from store.entries import fresh
from store.errors import FencedError, UnreachableError, UsageError
from store.integrity.leaves import seal
from store.integrity.log import Log
from store.integrity.streams import roots
from store.snapshot import KeyIndexes, Needs, Snapshot, freeze
from store.tables import TABLES
from store.tables.events import EVENTS
from store.tables.table import Table
from store.upgrading import make_tables, shape, template_of, upgrade

if TYPE_CHECKING:
    import polars as pl

    from store.sql import Answer, Engine

LAYOUT = 1
MARKER = "lake.json"

AsOf = int | str | datetime | None


class Lake:
    """One lake. Safe to share between threads for reading; each stream has one writer at a time."""

    def __init__(self, path: Path, site_key: bytes, *, integrity: bool = True) -> None:
        self.path = path
        self.site_key = site_key
        self._session_key = keys.Hmac(site_key, "session-key")
        self._handles: dict[str, DeltaTable] = {}
        self._snapshots: dict[str, Snapshot] = {}
        self._index_key = keys.derive(site_key, "key-index")
        self._indexes = KeyIndexes(self._index_key)
        self._settled: dict[str, int] = {}
        self._engine: Engine | None = None
        self.log = Log(path, TABLES) if integrity else None
        """The transparency log; None for a lake that was made without one."""

    @classmethod
    def create(
        cls,
        path: str | Path,
        site_key: bytes | None = None,
        *,
        key_variable: str | None = None,
        config: str = "",
        integrity: bool = True,
    ) -> Lake:
        """Make a lake; every file is durable when this returns.

        The site key is made afresh, or given, or kept out of the folder and read from `key_variable` each time.
        Without `integrity` its rows have no leaf hashes and its changes are not logged, ever.
        Raises UsageError if there is one already, UnreachableError if the volume cannot hold a lake.
        """
        root = Path(path).absolute()
        if (root / MARKER).exists():
            raise UsageError("there is a lake here already", where=str(root), hint="choose another folder")
        make_folders(root)
        check_volume(root)
        if key_variable is None:
            if not (root / keys.FILE_NAME).exists():
                keys.write_site_key(root, site_key or keys.new_site_key())
        else:
            keys.read_site_key(root, key_variable)
        make_tables(root)
        if config:
            write_file(root / "tooltrail.toml", config.encode())
        marker = {
            "layout": LAYOUT,
            "created": datetime.now(UTC).isoformat(),
            "site_key_variable": key_variable,
            "shape": shape(),
            "integrity": integrity,
        }
        if integrity:
            Log(root, TABLES).follow()
        write_file(root / MARKER, _marker(marker))
        return cls.open(root)

    @classmethod
    def open(cls, path: str | Path, *, upgraded: bool = True, marker_name: str = MARKER) -> Lake:
        """Open a lake; one of an earlier version is upgraded first, unless it is only to be looked at.

        UnreachableError if there is none or this version cannot read it. `marker_name` is another while it is made.
        """
        root = Path(path).absolute()
        try:
            marker = json.loads((root / marker_name).read_text())
            layout = int(marker["layout"])
        except FileNotFoundError as error:
            raise UnreachableError(
                "there is no lake here",
                where=str(root),
                hint="`tooltrail init` makes one; --lake or TOOLTRAIL_LAKE names it",
            ) from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UnreachableError(f"{marker_name} cannot be read: {error}", where=str(root)) from error
        if layout > LAYOUT:
            raise UnreachableError(
                f"this lake has layout {layout}, made by a newer version; this one reads up to {LAYOUT}",
                where=str(root), hint="upgrade tooltrail",
            )  # fmt: skip
        current = marker.get("shape") == shape() and all((root / n / delta.LOG).exists() for n in TABLES)
        if upgraded and not current:
            upgrade(root)
            write_file(root / marker_name, _marker({**marker, "shape": shape()}))
        site_key = keys.read_site_key(root, marker.get("site_key_variable"))
        return cls(root, site_key, integrity=marker.get("integrity", True))

    def session_key(self, raw: str) -> str:
        """Return the keyed hash under which events of a raw session id are stored."""
        return self._session_key.digest(raw.encode(errors="replace"))

    # --- writing ----------------------------------------------------------------------------------------------

    def check_writable(self) -> None:
        """Prove that the volume takes durable writes and the log can be signed; raises otherwise.

        What a process that died had committed is logged now.
        """
        check_volume(self.path)
        if self.log is not None:
            self.log.follow()

    def position(self, table: str, stream: str) -> tuple[int | None, int | None]:
        """Return the last position of a stream that the table's newest version holds, and its seal."""
        handle = self.handle(table)
        return delta.position(handle, stream), delta.position(handle, delta.seal_of(stream))

    def append(
        self,
        table: str,
        rows: pa.Table,
        advances: Sequence[Advance] = (),
        note: Mapping[str, Any] | None = None,
    ) -> int:
        """Add rows and move streams in one commit; durable when this returns. Returns the table's version.

        Rows are made durable first, then the commit, so that no reader and no power cut can see one without the
        other. Raises what `store.commit.commit` raises; where it is sure that nothing was committed, no file stays.
        """
        spec, batch = TABLES[table], secrets.token_hex(16)
        if self.log is not None:
            self.log.check()
        note = dict(note or {})
        if self.log is not None and spec is EVENTS and rows.num_rows:
            rows = seal(rows, batch)
            note["streams"] = [root.claim() for root in roots(rows)]
        files = list(self.encode(spec, rows)) if rows.num_rows else []
        adds = drafts.write_all(self.path / table, spec, files)
        self.settle_others(table)
        note["sha256"] = {add.path: file.sha256 for add, file in zip(adds, files, strict=True)}
        try:
            version = delta.commit(self.path / table, spec, adds, advances, note, batch)
        except FencedError:
            drafts.discard(self.path / table, spec, adds)  # no commit names them, and none will
            raise
        if self._settled[table] == version - 1:
            self._settled[table] = version
        if self.log is not None:
            self.log.follow((table, version))
        return version

    def settle_others(self, table: str) -> None:
        """Make durable what others committed to a table, before anything is built upon it."""
        root, known = self.path / table, self._settled.get(table)
        if (
            known is None or not delta.log_entry(root, known).exists()
        ):  # the doctor may have set commits aside
            known = delta.settled(root)
        self._settled[table] = delta.settle_others(root, known)

    def encode(self, table: Table, rows: pa.Table) -> Iterator[DataFile]:
        """Return rows as this lake's data files, sorted, one for each partition."""
        return encode(table, rows, self._index_key)

    # --- asking -----------------------------------------------------------------------------------------------

    def snapshot(self, table: str, as_of: AsOf = None) -> Snapshot:
        """Freeze a table at its newest version, at a version number, or at a time (RFC 3339 or datetime)."""
        root = self.path / table
        if as_of is None:
            handle = self.handle(table)
            known = self._snapshots.get(table)
            if known is None or known.version != handle.version():
                known = self._snapshots[table] = freeze(TABLES[table], root, handle)
            return known
        return freeze(TABLES[table], root, self._at(root, as_of))

    def handle(self, table: str) -> DeltaTable:
        """Return a handle on the newest version: a kept one while no later commit is in the log."""
        root = self.path / table
        known = self._handles.get(table)
        if known is None or delta.log_entry(root, known.version() + 1).exists():
            known = self._handles[table] = delta.open_table(root)
        return known

    def _at(self, root: Path, as_of: int | str | datetime) -> DeltaTable:
        if isinstance(as_of, str) and as_of.isdecimal():
            as_of = int(as_of)
        handle = delta.open_table(root)
        try:
            if isinstance(as_of, str):
                as_of = datetime.fromisoformat(as_of)
            if isinstance(as_of, datetime) and as_of.tzinfo is None:
                as_of = as_of.replace(tzinfo=UTC)
            handle.load_as_version(as_of)
        except (ValueError, OverflowError, OSError, DeltaError) as error:
            raise UsageError(
                f"there is no version {as_of} of {root.name}: the newest is {handle.version()}",
                hint="--as-of takes a version number or a time such as 2026-10-01T12:00:00Z",
            ) from error
        return handle

    def sql(
        self, query: str, parameters: Mapping[str, Any] | Sequence[Any] | None = None, as_of: AsOf = None
    ) -> Answer:
        """Answer one SELECT over the lake's views, from one frozen version.

        `parameters` bind $name or ? in the query. A version number in `as_of` is one of the events table; the
        other tables are taken as they were at that commit's time. Of a time all
        tables are as they were then. Raises UsageError for anything but a question.
        """
        return self.engine().ask(query, parameters, as_of)

    def scan(
        self,
        table: str,
        columns: Sequence[str],
        *,
        since: int | None = None,
        between: tuple[datetime, datetime] | None = None,
    ) -> pl.LazyFrame:
        """Return a table's newest rows for a job: some columns, files with rows that came after a version, two times.

        The first column of the table's statistics is the time that `between` (both ends included) bounds.
        """
        import polars as pl

        snapshot = self.snapshot(table)
        needs = None if between is None else Needs({}, *between)
        paths = snapshot.paths(needs)
        if since is not None:
            new = {f"{snapshot.root}/{file}" for file in fresh(snapshot.root, since)}
            paths = [path for path in paths if path in new]
        # the template comes first: it has every column, and files of earlier versions may have fewer
        frame = pl.scan_parquet(
            [self.template(table), *paths], hive_partitioning=False, missing_columns="insert"
        )
        time = pl.col(TABLES[table].statistics[0])
        return (frame if between is None else frame.filter(time.is_between(*between))).select(columns)

    def template(self, table: str) -> str:
        """Return a data file of the table without rows, to stand for one that has none."""
        return str(template_of(self.path, TABLES[table]))

    def engine(self, setup: Callable[[], Mapping[str, str | int]] | None = None) -> Engine:
        """Return the query engine, made on first use with DuckDB settings from `setup`."""
        if self._engine is None:
            from store.sql import Engine

            self._engine = Engine(self, self._indexes, setup() if setup is not None else {})
        return self._engine


def _marker(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, indent=2).encode() + b"\n"
