"""A commit that somebody wrote by hand leads nobody out of the lake's folder, whatever it names."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from lakes import NOON, one, record, take_in

from store import commit as delta
from store.errors import UnreachableError
from store.keeping import doctor
from store.lake import Lake


def plant(lake: Lake, name: str) -> None:
    """Commit a file of a name of one's own choice to the events, as whoever can write to the folder can."""
    lines = delta.log_entry(lake.path / "events", 1).read_text().splitlines()
    [known] = [action["add"] for action in map(json.loads, lines) if "add" in action]
    add = {**known, "path": name, "modificationTime": int(time.time() * 1000)}
    delta.log_entry(lake.path / "events", 2).write_text(json.dumps({"add": add}))


@pytest.mark.parametrize(
    "name",
    [
        "../../outside.parquet",
        "event_date=2026-01-01/../../../outside.parquet",
        "event_date=2026-01-01/*.parquet",
        "event_date=2026-01-01/{a,b}.parquet",
        "event_date=2026-01-01/part.parquet/../../../../outside.parquet",
        "_template/event_date=1970-01-01/none.parquet",
    ],
)
def test_a_planted_name_leads_nowhere(lake: Lake, tmp_path: Path, name: str) -> None:
    """Neither a question nor a repair touches what is outside of the table, nor is a name taken for many files."""
    outside = tmp_path / "outside.parquet"
    take_in(lake, [record(1)])
    outside.write_bytes(Path(lake.snapshot("events").paths()[0]).read_bytes())
    plant(lake, name)
    with pytest.raises(UnreachableError, match="no file of its own"):
        Lake.open(lake.path).sql("SELECT count(*) FROM events").arrow()
    done, [left] = doctor.repair(lake.path)
    assert (done, left.kind, left.table) == ([], "unreadable", "events")
    assert outside.exists()
    assert not (lake.path / "quarantine").exists()


def test_names_as_other_writers_make_them_are_read(lake: Lake) -> None:
    """What Spark or the Delta library call a file is as good as ours."""
    take_in(lake, [record(1)])
    [path] = lake.snapshot("events").paths()
    name = f"event_date={NOON.date()}/part-00000-5f2a9a4c-6d0e-c000.snappy.parquet"
    (lake.path / "events" / name).write_bytes(Path(path).read_bytes())
    plant(lake, name)
    assert one(Lake.open(lake.path), "SELECT count(*) FROM events") == 2
