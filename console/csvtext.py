"""CSV that is RFC 4180 and that a spreadsheet does not run.

A text whose first character that counts is one a spreadsheet takes for the start of a formula gets a leading
apostrophe (OWASP, CSV injection). Numbers stay numbers. Everything is done column by column in Arrow.
"""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from console.cells import as_text, distinct, is_text
from console.terminal import visible

END = "\r\n"
# Skipped by some spreadsheet before it looks for a formula: white space, quotes, controls, byte order mark.
_SKIPPED = r"[\s\x00-\x20\x7f-\xa0\"'`\x{2018}-\x{201f}\x{ab}\x{bb}\x{ff02}\x{ff07}\p{Z}\p{Cf}]*"
_FORMULA = rf"^(?:[\t\r\n]|{_SKIPPED}[=+\-@\x{{ff1d}}\x{{ff0b}}\x{{ff0d}}\x{{ff20}}])"
_QUOTED = r'[",;|\t\r\n]|^[\s\p{Z}]|[\s\p{Z}]$|^$'


def neutralise(column: pa.Array) -> pa.Array:
    """Return texts with an apostrophe before those a spreadsheet would run."""
    harmless = pc.binary_join_element_wise("'", column, "")
    return pc.if_else(pc.match_substring_regex(column, _FORMULA), harmless, column)


def header(schema: pa.Schema) -> bytes:
    """Return the line of column names."""
    names = [_cells(pa.array([name]), text=True, terminal=False) for name in distinct(schema.names)]
    return _lines(names, 1)


def lines(batch: pa.RecordBatch, *, terminal: bool = False) -> bytes:
    """Return a batch as CSV lines; for a terminal, hostile characters are made visible."""
    cells = [
        _cells(as_text(column), text=is_text(column.type), terminal=terminal) for column in batch.columns
    ]
    return _lines(cells, batch.num_rows)


def _cells(column: pa.Array, *, text: bool, terminal: bool) -> pa.Array:
    if terminal and text:
        column = pa.array([None if v is None else visible(v) for v in column.to_pylist()], pa.string())
    if text:
        column = neutralise(column)
    doubled = pc.replace_substring(column, '"', '""')
    quoted = pc.binary_join_element_wise('"', doubled, '"', "")
    return pc.if_else(pc.match_substring_regex(column, _QUOTED), quoted, column).fill_null("")


def _lines(cells: Iterable[pa.Array], rows: int) -> bytes:
    columns = list(cells)
    if rows == 0 or not columns:
        return b""
    if len(columns) == 1:  # an empty line would be no record
        columns = [pc.if_else(pc.equal(columns[0], ""), '""', columns[0])]
    joined = pc.binary_join_element_wise(*columns, ",")
    return f"{END.join(joined.to_pylist())}{END}".encode()
