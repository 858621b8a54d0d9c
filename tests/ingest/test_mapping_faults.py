"""What is wrong with a mapping file is said before any record is read: the line, and what was meant instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.catalog import load_adapters
from store.errors import UsageError

GOOD = 'summary = "Acme"\n[recognise]\nkeys = ["ts"]\n[columns]\n'
WHEN = '[[when]]\nfrom = "x"\nis = 1\nset = { decision = "deny" }\n'

FAULTS = [
    ("summary = 1\n", 1, "summary is a text", ""),
    ('x = "Acme"\n', 1, "unknown key: 'x'", "known are summary"),
    ('summary = "Acme\n', 1, "not TOML", ""),
    ('columms = 1\nsummary = "Acme"\n', 1, "unknown key: 'columms'", "did you mean columns?"),
    ('summary = "Acme"\n[columns]\ntool_name = "t"\n', 1, "nothing says how a record is recognised", "add [recognise]"),
    ('summary = "Acme"\nrecords = "xml"\n', 2, "unknown records: 'xml'", "known are json, logfmt"),
    ('summary = "Acme"\nextends = "agentgatway"\n[columns]\norg_id = "t"\n', 2, "there is no format", "agentgateway?"),
    ('summary = "Acme"\n[recognise]\nkey = ["ts"]\n', 3, "unknown key of recognise", "did you mean keys?"),
    ('summary = "Acme"\n[recognise]\nkeys = []\n', 2, "recognised by keys, values, or both", ""),
    (GOOD, 4, "a mapping needs [columns]", ""),
    (GOOD + 'tool_nme = "t"\n', 5, "unknown column: 'tool_nme'", "did you mean tool_name?"),
    (GOOD + 'args_json = "t"\n', 5, "args_json is filled by the lake", "map arguments"),
    (GOOD + 'user_id = "a..b"\n', 5, "'a..b' is no path", "src.addr"),
    (GOOD + "user_id = '\"a'\n", 5, "a quote is not closed", ""),
    (GOOD + 'user_id = "/a~2"\n', 5, "in a JSON pointer", ""),
    (GOOD + "user_id = 3\n", 5, "user_id is a path", ""),
    (GOOD + "user_id = {}\n", 5, "needs from or value", ""),
    (GOOD + 'user_id = { from = "a", vlue = 1 }\n', 5, "unknown key of a column: 'vlue'", "did you mean value?"),
    (GOOD + 'decision = "deny"\n', 5, "would read a field of that name", 'value = "deny"'),
    (GOOD + 'decision = { value = "denied" }\n', 5, "'denied' is no word of decision", "did you mean deny?"),
    (GOOD + 'decision = { from = "a", words = { no = "dney" } }\n', 5, "'dney' is no word", "did you mean deny?"),
    (GOOD + 'decision = { from = "a", otherwise = "maybe" }\n', 5, "'maybe' is no word", "known are allow"),
    (GOOD + 'duration_ms = { from = "a", unit = "sec" }\n', 5, "unknown unit: 'sec'", "known are ns, us, ms, s, m, h"),
    (GOOD + 'user_id = { from = "a", unit = "s" }\n', 5, "unit means nothing for user_id", "user_id is text"),
    (GOOD + 'http_status = { from = "a", before = "_" }\n', 5, "before means nothing", "a whole number"),
    (GOOD + 'http_status = { value = "200" }\n', 5, "http_status is a whole number", ""),
    (GOOD + 'user_id = { from = "a", part = "hots" }\n', 5, "unknown part: 'hots'", "did you mean host?"),
    (GOOD + 'user_id = "a"\n[columns.org_id]\nfrom = "b"\nuntil = "c"\n', 8, "unknown key of a column", ""),
    (GOOD + 'user_id = "a"\n' + WHEN + WHEN.replace("deny", "dny"), 10, "'dny' is no word", "did you mean deny?"),
    (GOOD + WHEN.replace("is = 1\n", ""), 5, "when needs is", ""),
    (GOOD + WHEN.replace('decision = "deny"', 'event_time = "x"'), 5, "event_time is a time, which no condition", ""),
    (GOOD + WHEN.replace("decision", "decison"), 5, "unknown column: 'decison'", "did you mean decision?"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "message", "hint"), FAULTS, ids=[f[2] for f in FAULTS])
def test_a_fault_is_named_with_its_line(
    tmp_path: Path, text: str, line: int, message: str, hint: str
) -> None:
    """Every fault says file and line, what is wrong, and the nearest name there is."""
    file = tmp_path / "acme.toml"
    file.write_text(text)
    with pytest.raises(UsageError) as caught:
        load_adapters([tmp_path])
    assert caught.value.where == f"{file}:{line}"
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")


def test_a_mapping_may_not_take_the_name_of_a_format(tmp_path: Path) -> None:
    """Rows say by their format which file read them: one name, one file."""
    (tmp_path / "native.toml").write_text(GOOD + 'tool_name = "t"\n')
    with pytest.raises(UsageError, match="exists already"):
        load_adapters([tmp_path])


def test_two_mappings_may_not_take_the_same_records(tmp_path: Path) -> None:
    """Of two files that extend a format without saying which records they are for, none could be chosen."""
    for name in ("one", "two"):
        (tmp_path / f"{name}.toml").write_text(
            'summary = "x"\nextends = "agentgateway"\n[columns]\norg_id = "t"\n'
        )
    with pytest.raises(UsageError, match="extends agentgateway already"):
        load_adapters([tmp_path])
