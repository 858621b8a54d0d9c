"""An answer of the door: held back whole until its record is durable, and known by a digest of its rows."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

import msgspec
import pyarrow as pa

if TYPE_CHECKING:
    import polars as pl

_IN_MEMORY = 4 << 20
_ENCODER = msgspec.json.Encoder(enc_hook=str, decimal_format="string")


@dataclass(frozen=True)
class Answer:
    """Rows of one question. `digest` is that of the rows in their order; `cut`: the role's limit left some out.

    `versions` are those of the tables asked, `access_id` is the record of the question in `access_log`.
    """

    rows: int
    digest: str
    cut: bool
    schema: pa.Schema
    _aside: _Aside
    versions: Mapping[str, int] = field(default_factory=dict)
    access_id: str = ""

    def send(self, sink: IO[bytes]) -> None:
        """Write the answer as an Arrow IPC stream."""
        self._aside.file.seek(0)
        shutil.copyfileobj(self._aside.file, sink)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Return the rows, batch by batch."""
        self._aside.file.seek(0)
        yield from pa.ipc.open_stream(self._aside.file)

    def arrow(self) -> pa.Table:
        """Return all rows as one Arrow table."""
        return pa.Table.from_batches(self.batches(), self.schema)

    def polars(self) -> pl.DataFrame:
        """Return all rows as a Polars frame."""
        import polars as pl

        frame = pl.from_arrow(self.arrow())
        assert isinstance(frame, pl.DataFrame)
        return frame


class _Aside:
    """A file without a name, in memory while it is small; closed when nobody holds it any more."""

    def __init__(self) -> None:
        self.file = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - it outlives this
        weakref.finalize(self, self.file.close)


class Writing:
    """Takes an Arrow stream that is not trusted: checks it, counts and digests its rows, and keeps it aside.

    The digest is SHA-256 over lines of JSON: one of the columns' names and types, then one for each row, an array of
    its values. It does not depend on batches, nor on the Arrow version. What is kept aside beyond a few MiB is in a
    file without a name, readable by nobody else, and gone with the process.
    """

    def __init__(self) -> None:
        self._aside = _Aside()
        self._digest = hashlib.sha256()
        self._rows = 0
        self._schema = pa.schema([])

    def take(self, stream: Any) -> None:
        """Take a stream to its end; an ArrowException or OSError when it is none."""
        with pa.ipc.open_stream(stream) as reader:
            self._schema = reader.schema
            names = [[item.name, str(item.type)] for item in reader.schema]
            self._digest.update(_ENCODER.encode(names) + b"\n")
            with pa.ipc.new_stream(self._aside.file, reader.schema) as sink:
                for batch in reader:
                    batch.validate(full=True)
                    self._digest.update(canonical(batch))
                    sink.write_batch(batch)
                    self._rows += batch.num_rows

    def answer(self, *, cut: bool, versions: Mapping[str, int]) -> Answer:
        """Return what was taken."""
        return Answer(self._rows, self._digest.hexdigest(), cut, self._schema, self._aside, versions)


def canonical(batch: pa.RecordBatch) -> bytes:
    """Return the lines of JSON of a batch's rows."""
    columns = [_plain(column).to_pylist() for column in batch.columns]
    return _ENCODER.encode_lines(zip(*columns, strict=True) if columns else [])


def _plain(column: pa.Array) -> pa.Array:
    """Return times as text: quicker than as objects of Python, and no digits are lost."""
    return column.cast(pa.string()) if pa.types.is_timestamp(column.type) else column
