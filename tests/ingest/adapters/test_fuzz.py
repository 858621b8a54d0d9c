"""No input breaks an adapter: mutated bytes under a fuzzer, and every field of every sample given the wrong type."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lakes import letters, take_in
from reading import ADAPTERS
from test_every_adapter import check_rejects, samples

from ingest.catalog import Detector
from store.lake import Lake

SECONDS = 60
WRONG: tuple[Any, ...] = ({"no": ["such"]}, ["no", {}], 10**400, True, "\x00", -1.5)
DETECTOR = Detector(ADAPTERS)


def fields(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every field of a record, of arrays only the first element's."""
    items = (
        value.items()
        if isinstance(value, dict)
        else list(enumerate(value))[:1]
        if isinstance(value, list)
        else ()
    )
    for key, inner in items:
        yield (*at, key)
        yield from fields(inner, (*at, key))


def changed(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """Return a record with another value at a path."""
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = changed(value[path[0]], path[1:], new)
    return copy


def spoilt(name: str) -> dict[bytes, set[str]]:
    """Return records of a format with one field of the wrong type, each field once, and the names on the way to it."""
    found: dict[bytes, set[str]] = {}
    seen = set()
    for raw in samples(name):
        try:
            record = json.loads(raw)
        except ValueError:
            continue
        if not isinstance(record, dict) or ADAPTERS[name].parse([raw]).rejects:
            continue
        for path in fields(record):
            if (shape := tuple(0 if isinstance(step, int) else step for step in path)) not in seen:
                seen.add(shape)
                named = {step for step in path if isinstance(step, str)}
                found |= {json.dumps(changed(record, path, new)).encode(): named for new in WRONG}
    return found


def test_a_reject_does_not_quote_a_long_value() -> None:
    """A decoder's fault quotes the value it met: of a long one the reason keeps the beginning, and the path."""
    raw = json.dumps({"scope": "request" + "x" * 100_000, "time": "2026-08-21T10:00:00Z"}).encode()
    [reject] = ADAPTERS["agentgateway"].parse([raw]).rejects
    assert len(reject.reason) < 400
    assert "at `$.scope`" in reject.reason


def test_a_wrong_time_is_named_as_the_one_it_is() -> None:
    """Of two times in an OTLP record the reason names the one that is wrong."""
    log = {"timeUnixNano": "1", "observedTimeUnixNano": "soon", "body": {"stringValue": "x"}}
    raw = json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [log]}]}]}).encode()
    [reject] = ADAPTERS["claude_code"].parse([raw]).rejects
    assert "at `observedTimeUnixNano`" in reject.reason


@pytest.mark.slow
def test_no_bytes_break_an_adapter(tmp_path: Path) -> None:
    """Whatever the bytes: no exception, no input over five seconds, no memory over 256 MB, and rejects say why."""
    pytest.importorskip("atheris", reason="there is no wheel of it for this system")
    target = Path(__file__).with_name("fuzz_target.py")
    command = [sys.executable, str(target), str(SECONDS), str(tmp_path)]
    # Under a shell of its own: Linux counts to a program's greatest memory that of the process it was started from.
    command = ["sh", "-c", '"$@"; exit $?', "sh", *command]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10 * SECONDS)
    assert (done.returncode, sorted(tmp_path.iterdir())) == (0, []), done.stderr[-3000:]
    runs = int(done.stderr.split("stat::number_of_executed_units:")[1].split()[0])
    assert runs > 1000


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(ADAPTERS))
def test_a_reject_names_the_field(name: str) -> None:
    """A field of the wrong type makes a row all the same, or a reject that names it, or what it is in, and says why."""
    silent = []
    for raw, names in spoilt(name).items():
        parsed = ADAPTERS[name].parse([raw])
        check_rejects(parsed)
        silent += [(names, r.reason) for r in parsed.rejects if not any(n in r.reason for n in names)]
    assert silent == []


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(ADAPTERS))
def test_a_dead_letter_names_adapter_and_reason(lake: Lake, name: str) -> None:
    """What an adapter rejects is kept under its format, with the phase, and nothing of the batch is lost."""
    records = [raw for raw in spoilt(name) if DETECTOR.formats([raw]) != [None]]
    counts = take_in(lake, records).counts
    assert counts.records == counts.rows + counts.dead + counts.replayed
    for letter in letters(lake):
        assert letter["source_format"] in ADAPTERS
        assert letter["phase"] in ("parse", "validate")
        assert letter["error"]
