"""Files into records: every fault has its line and column, in CSV and in JSON."""

from __future__ import annotations

import msgspec
import pytest

from analytics.entitlements.reading import File, When, records


class Thing(msgspec.Struct, forbid_unknown_fields=True):
    """A record to read."""

    name: str
    day: When | None = None
    parts: list[str] = []


FAULTS = [
    (b"name,day\na,2026-13-01\n", "f:2:2: day: '2026-13-01' is neither"),
    (b"name,day\n\na,2026-01-01T10:00:00\n", "f:3:2: day: '2026-01-01T10:00:00' does not say its time zone"),
    (b"name,day\n,2026-01-01\n", "f:2:1: name: it is empty"),
    (b'name,day\n"a\nb",\nc\n', "f:4:2: 1 fields where the head names 2"),
    (b'name,day\na,"b\n', "f:2:1: not CSV"),
    (b"name,dya\na,b\n", "f:1:2: there is no column 'dya'"),
    (b"day\n2026-01-01\n", "f:1:1: the head lacks name"),
    (b"name,name\na,b\n", "f:1:2: the column 'name' is there twice"),
    (b"  \n", "f:1:1: the file is empty"),
    (b"name\nx\xff\n", "f:2:2: this is not UTF-8"),
    (b'[{"name": "a"},\n {"name": 3}]', "f:2:11: Expected `str`, got `int`"),
    (b'[{"name": "a"},\n {"nome": "b"}]', "f:2:2: Object"),
    (b'[{"name": "a", "parts": ["x",\n  7]}]', "f:2:3: Expected `str`, got `int`"),
    (b'[{"name": "a"},\n', "f:2:1: not JSON"),
    (b'{"others": []}', 'f:1:1: neither an array nor an object with "things"'),
]


@pytest.mark.parametrize(("content", "told"), FAULTS)
def test_a_fault_is_told_with_its_place(content: bytes, told: str) -> None:
    """What cannot be read names file, line and column."""
    found = records(File("f", content), Thing, "things")
    assert str(found.faults[0]).startswith(told)


def test_csv_and_json_say_the_same() -> None:
    """One record reads alike from both, with a list parted by semicolons, a byte order mark, and its own line."""
    rows = records(File("f", "\ufeffname,day,parts\n\na,2026-01-02,x; y\n".encode()), Thing, "things")
    objects = records(
        File("f", b'{"things": [\n {"name": "a", "day": "2026-01-02", "parts": ["x", "y"]}]}'),
        Thing,
        "things",
    )
    for found, line, column in ((rows, 3, 1), (objects, 2, 2)):
        assert found.faults == ()
        [(thing, place)] = found.records
        assert thing.day is not None
        assert (thing.name, thing.day.at.isoformat(), thing.parts) == (
            "a",
            "2026-01-02T00:00:00+00:00",
            ["x", "y"],
        )
        assert (place.line, place.column) == (line, column)
