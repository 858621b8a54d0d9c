"""Every format has a sample of its records and the rows they must become."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from ingest.catalog import load_adapters
from ingest.parsed import Parsed

GOLDEN = Path(__file__).parents[2] / "golden"
FORMATS = sorted(folder.name for folder in GOLDEN.iterdir() if folder.is_dir())
REGENERATE = "TOOLTRAIL_REGENERATE_GOLDENS"


def rows_of(parsed: Parsed) -> list[dict[str, Any]]:
    """Return each row's filled columns, and the index of its record."""
    rows = []
    for row in range(parsed.rows):
        values = {name: column[row] for name, column in parsed.columns.items()} | dict(parsed.constants)
        values["record"] = row if parsed.record is None else parsed.record[row]
        rows.append({name: readable(value) for name, value in sorted(values.items()) if value is not None})
    return rows


def readable(value: Any) -> Any:
    """Return bytes as text, and lists and tuples as lists."""
    return value.decode() if isinstance(value, bytes) else value


@pytest.mark.parametrize("name", FORMATS)
def test_sample_becomes_the_expected_rows(name: str) -> None:
    """An adapter's reading of its sample changes only together with its golden file."""
    (sample,) = (GOLDEN / name).glob("sample.*")
    parsed = load_adapters()[name].parse(sample.read_bytes().removesuffix(b"\n").split(b"\n"))
    found = {
        "rejects": [{"reason": reject.reason, "record": reject.record} for reject in parsed.rejects],
        "rows": rows_of(parsed),
    }
    golden = GOLDEN / name / "expected.json"
    if os.environ.get(REGENERATE) == "1":
        golden.write_text(
            json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8"
        )
    assert json.loads(golden.read_text(encoding="utf-8")) == json.loads(json.dumps(found))
