"""Rows in five formats: right, and flat in memory."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from console.output import MadeRows, Output
from console.table import table_lines
from store.errors import UsageError

NOON = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)
ROWS = pa.table({
    "n": [2**63 - 1, -5],
    "f": [float("nan"), 1.5],
    "s": ["\x1b[2J\u202e", None],
    "t": pa.array([NOON, NOON + dt.timedelta(microseconds=1)], pa.timestamp("us", tz="UTC")),
    "b": [b"\x00\xff", None],
    "l": [["a", None], []],
    "m": [{"x": float("inf"), "y": b"\x01", "z": NOON}, None],
})  # fmt: skip
DECODED = [
    {"n": 2**63 - 1, "f": None, "s": "\x1b[2J\u202e", "t": "2026-01-01T12:00:00Z", "b": "00ff",
     "l": ["a", None],
     "m": {"x": None, "y": "01", "z": "2026-01-01T12:00:00Z"}},
    {"n": -5, "f": 1.5, "s": None, "t": "2026-01-01T12:00:00.000001Z", "b": None, "l": [], "m": None},
]  # fmt: skip


def written(tmp_path: Path, name: str, **options: object) -> bytes:
    """Write ROWS in a format and return the bytes."""
    file = tmp_path / "out"
    Output(name, file, **options).write(MadeRows(ROWS))
    return file.read_bytes()


def test_json_is_one_array_of_exact_values(tmp_path: Path) -> None:
    """No NaN, times in UTC with Z, integers exact, bytes as hex, and no character a terminal obeys."""
    out = written(tmp_path, "json")
    assert json.loads(out) == DECODED
    assert b"\x1b" not in out
    assert "\u202e" not in out.decode()


def test_ndjson_is_one_object_per_line(tmp_path: Path) -> None:
    """The same values, a line each."""
    assert [json.loads(line) for line in written(tmp_path, "ndjson").splitlines()] == DECODED


def test_empty_json_is_an_empty_array(tmp_path: Path) -> None:
    """A program that reads the array finds one."""
    Output("json", tmp_path / "out").write(MadeRows(ROWS.slice(0, 0)))
    assert json.loads((tmp_path / "out").read_bytes()) == []


def test_csv_has_a_header_and_nested_values_as_json(tmp_path: Path) -> None:
    """Lists and structs are JSON texts in their cell."""
    rows = list(csv.DictReader(io.StringIO(written(tmp_path, "csv").decode(), newline="")))
    assert (rows[0]["n"], rows[0]["f"], rows[0]["l"], rows[1]["n"]) == (
        str(2**63 - 1),
        "",
        '["a",null]',
        "-5",
    )


def test_parquet_reads_back(tmp_path: Path) -> None:
    """Parquet keeps types and values; a name given twice is numbered."""
    twice = pa.table([ROWS["n"], ROWS["n"]], names=["n", "n"])
    Output("parquet", tmp_path / "out.parquet").write(MadeRows(twice))
    assert parquet.read_table(tmp_path / "out.parquet").column_names == ["n", "n_2"]
    assert written(tmp_path, "parquet")[:4] == b"PAR1"


def test_parquet_is_refused_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal is not sent bytes."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    with pytest.raises(UsageError, match="terminals"):
        Output("parquet").write(MadeRows(ROWS))


def test_the_format_follows_the_file_and_the_pipe(tmp_path: Path) -> None:
    """A suffix names its format; a pipe gets ndjson."""
    assert Output(to=tmp_path / "x.csv").chosen == "csv"
    assert Output(to=tmp_path / "x.txt").chosen == "ndjson"
    assert Output().chosen == "ndjson"


def test_a_failed_write_leaves_no_file(tmp_path: Path) -> None:
    """A file is there whole or not at all."""

    class Broken:
        schema = ROWS.schema

        def batches(self) -> object:
            yield from ROWS.to_batches()
            raise UsageError("broken")

    with pytest.raises(UsageError):
        Output("csv", tmp_path / "out").write(Broken())
    assert list(tmp_path.iterdir()) == []


def test_limit_says_that_there_is_more(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A cut is said on stderr, and only when something was cut."""
    assert len(written(tmp_path, "ndjson", limit=1).splitlines()) == 1
    assert "there are more" in capsys.readouterr().err
    written(tmp_path, "ndjson", limit=2)
    assert not capsys.readouterr().err


@pytest.mark.parametrize("width", [80, 120, 200])
def test_a_table_fits_the_width_and_hides_nothing_from_the_eye(width: int) -> None:
    """No line is wider than the terminal, whatever the text; numbers stand right; controls are shown."""
    table = pa.table(
        {"name": ["日本語" * 40, "\x1b[31mred"], "count": [1, 20_000], "note": ["x" * 300, None]}
    )
    lines = [
        re.sub(r"\x1b\[[0-9;]*m", "", line) for line in table_lines(table.schema, table.to_batches(), width)
    ]
    from rich.cells import cell_len

    assert max(map(cell_len, lines)) <= width
    assert any("…" in line for line in lines)
    assert "␛[31mred" in "".join(lines)
    assert lines[3].split()[1] == "20000"
    assert lines[0].index("count") + len("count") == lines[3].index("20000") + len("20000")


def test_a_table_too_wide_for_columns_has_one_value_per_line() -> None:
    """Ninety columns do not fit: values that are there get a line each."""
    table = pa.table({f"column_{i}": ["v" * 20, None] for i in range(90)})
    lines = list(table_lines(table.schema, table.to_batches(), 80))
    assert sum("column_" in line for line in lines) == 90


@pytest.mark.parametrize("name", ["csv", "ndjson", "parquet"])
def test_memory_does_not_grow_with_the_rows(tmp_path: Path, name: str) -> None:
    """Four times the rows take no more memory: batches are written as they come."""
    code = f"""
import resource, sys, pyarrow as pa
from pathlib import Path
from console.output import Output
class Many:
    schema = pa.schema([("n", pa.int64()), ("s", pa.string())])
    def batches(self):
        for _ in range(int(sys.argv[1])):
            texts = [f"text {{i}}" * 3 for i in range(20_000)]
            yield pa.record_batch([pa.array(range(20_000)), pa.array(texts)], self.schema)
Output({name!r}, Path({str(tmp_path / "out")!r})).write(Many())
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
    used = [
        int(subprocess.run([sys.executable, "-c", code, n], capture_output=True, check=True).stdout)
        for n in ("10", "40")
    ]
    assert used[1] - used[0] < 40_000
