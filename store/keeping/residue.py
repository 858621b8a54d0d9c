"""The proof of an erasure: every byte under the lake, and every decoded value, searched for what should be gone."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq

from store.keeping.subjects import Subject
from store.lake import Lake

SAFE = 8
"""Bytes from which a name does not stand in compressed bytes by chance; shorter ones are searched decoded only."""


@dataclass(frozen=True)
class Residue:
    """A place where something of a person still is: the file, how it is written, and in which columns of it."""

    path: Path
    form: str
    columns: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return it in words."""
        return f"{self.path} ({', '.join((self.form, *self.columns))})"


def scan(lake: Lake, subject: Subject, leave_out: Path) -> list[Residue]:
    """Return every file under the lake that still holds a name: as it is, escaped, in hex or base64.

    Parquet and Arrow files are searched decoded, with their dictionaries and statistics, as well as byte by byte.
    """
    forms = list(_forms(subject))
    files = sorted(p for p in lake.path.rglob("*") if p.is_file() and leave_out not in p.parents)
    return [found for path in files for found in _in_file(path, forms)]


def _forms(subject: Subject) -> Iterator[tuple[str, re.Pattern[bytes], bool]]:
    """Yield the ways a name may be written: what the way is called, its pattern, and if raw bytes can be searched."""
    for name in subject.names:
        text = name.encode()
        for label, form in (
            ("plain", text),
            ("escaped", json.dumps(name)[1:-1].encode()),
            ("quoted", quote(name).encode()),
        ):
            if label == "plain" or form != text:
                yield (
                    label,
                    re.compile(rb"(?i)(?<![0-9A-Za-z_])" + re.escape(form) + rb"(?![0-9A-Za-z_])"),
                    len(form) >= SAFE,
                )
        if len(text) >= SAFE:
            yield "hex", re.compile(rb"(?i)" + text.hex().encode()), True
            for shift in range(3):
                core = b64encode(b"\0" * shift + text)[(0, 2, 3)[shift] : -4]
                yield "base64", re.compile(re.escape(core)), True


def _in_file(path: Path, forms: Sequence[tuple[str, re.Pattern[bytes], bool]]) -> Iterator[Residue]:
    raw = path.read_bytes()
    packed = path.suffix in (".parquet", ".arrow")
    found: dict[str, set[str]] = {
        label: set() for label, pattern, safe in forms if (not packed or safe) and pattern.search(raw)
    }
    for column, texts in _decoded(path) if packed else ():
        joined = b"\0".join(texts)
        for label, pattern, _ in forms:
            if pattern.search(joined):
                found.setdefault(label, set()).add(column)
    yield from (Residue(path, label, tuple(sorted(columns))) for label, columns in sorted(found.items()))


def _decoded(path: Path) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Yield by column the texts and bytes of a file, with what only its dictionaries and statistics hold."""
    try:
        if path.suffix == ".arrow":
            with pa.memory_map(str(path)) as file:
                yield from _texts(pa.ipc.open_file(file).read_all())
            return
        texts = [f.name for f in pq.read_schema(path) if f.type in (pa.string(), pa.large_string())]
        with pq.ParquetFile(path, read_dictionary=texts) as parquet:
            yield from _statistics(parquet.metadata)
            yield from _texts(parquet.read())
    except (OSError, pa.ArrowException):
        return  # what cannot be decoded was searched byte by byte, and is the doctor's to find


def _texts(table: pa.Table) -> Iterator[tuple[str, Iterator[bytes]]]:
    for name, column in zip(table.column_names, table.columns, strict=True):
        yield name, (value for chunk in column.chunks for value in _values(chunk))


def _values(array: pa.Array) -> Iterator[bytes]:
    kind = array.type
    if pa.types.is_dictionary(kind):
        yield from _values(array.dictionary)
    elif pa.types.is_struct(kind):
        for child in array.flatten():
            yield from _values(child)
    elif pa.types.is_map(kind):
        yield from _values(array.keys)
        yield from _values(array.items)
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        yield from _values(array.values)
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_binary(kind):
        yield from (
            v.encode() if isinstance(v, str) else v for v in array.unique().to_pylist() if v is not None
        )


def _statistics(metadata: pq.FileMetaData) -> Iterator[tuple[str, Iterator[bytes]]]:
    for group in range(metadata.num_row_groups):
        for place in range(metadata.num_columns):
            chunk = metadata.row_group(group).column(place)
            known = chunk.statistics
            if known is not None and known.has_min_max:
                yield chunk.path_in_schema.split(".")[0], (str(v).encode() for v in (known.min, known.max))
