"""The simulation as a whole: the same bytes each time, the size asked for, time order, files that rotate."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
from datetime import date
from pathlib import Path

import pytest
import zstandard
from fleet_logs import Logs, client_records

from ingest.simulator import SimulationOptions, simulate
from ingest.simulator.gateways import all_formats
from store.errors import UsageError


def digests(folder: Path) -> dict[str, str]:
    """Return the digest of every file below a folder."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return {str(f.relative_to(folder)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


def test_equal_options_give_equal_bytes(tmp_path: Path) -> None:
    """The same seed and options write the same files, byte for byte; another seed writes others."""
    options = SimulationOptions(events=2000, seed=3)
    for name in ("a", "b"):
        simulate(tmp_path / name, options)
    simulate(tmp_path / "c", SimulationOptions(events=2000, seed=4))
    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    assert digests(tmp_path / "a") != digests(tmp_path / "c")


@pytest.mark.parametrize("events", [500, 1777, 12_001])
def test_as_many_events_as_asked_for(tmp_path: Path, events: int) -> None:
    """A simulation writes exactly the number of records asked for, over all formats together."""
    summary = simulate(tmp_path, SimulationOptions(events=events))
    assert events == summary.events == sum(summary.records.values())


def test_every_format_is_written_and_only_in_its_folder(logs: Logs) -> None:
    """There is one folder for each format, and truth.json is kept out of them."""
    assert {*all_formats(), "truth.json"} == {entry.name for entry in logs.folder.iterdir()}


@pytest.mark.parametrize("name", ["native", "toolhive", "agentgateway", "claude_code", "obot"])
def test_one_format_alone(tmp_path: Path, name: str) -> None:
    """Any format can be written alone; then all servers sit behind it."""
    summary = simulate(tmp_path, SimulationOptions(events=600, formats=(name,)))
    assert {name: 600} == summary.records


def test_records_are_in_time_order(logs: Logs) -> None:
    """Within a format, records stand in the order of their times."""
    for name, field in (("native", "event_time"), ("toolhive", "time"), ("agentgateway", "time")):
        times = [record[field] for record in logs.records(name)]
        assert sorted(times) == times


@pytest.mark.parametrize("compress", [None, "gz", "zst"])
def test_files_rotate_and_compress_to_the_same_content(tmp_path: Path, compress: str | None) -> None:
    """Files hold at most `per_file` records, and compression does not change what they hold."""
    formats = ("native",)
    simulate(tmp_path / "whole", SimulationOptions(events=1500, formats=formats))
    simulate(
        tmp_path / "cut", SimulationOptions(events=1500, formats=formats, per_file=400, compress=compress)
    )
    pieces = [_plain(file) for file in sorted((tmp_path / "cut/native").iterdir())]
    assert [piece.count(b"\n") for piece in pieces] == [400, 400, 400, 300]
    assert b"".join(pieces) == (tmp_path / "whole/native/part-00000.ndjson").read_bytes()


def _plain(file: Path) -> bytes:
    if file.suffix == ".gz":
        return gzip.decompress(file.read_bytes())
    if file.suffix == ".zst":
        return zstandard.ZstdDecompressor().stream_reader(io.BytesIO(file.read_bytes())).read()
    return file.read_bytes()


def test_nights_are_quieter_than_days(tmp_path: Path) -> None:
    """People in one region work by day: far fewer records fall into the night than into office hours."""
    simulate(tmp_path, SimulationOptions(events=6000, formats=("native",), start=date(2026, 10, 5), days=5))
    by_night = by_day = 0
    for line in (tmp_path / "native/part-00000.ndjson").read_bytes().splitlines():
        hour = int(json.loads(line)["event_time"][11:13])
        by_day += 12 <= hour < 16
        by_night += 2 <= hour < 6
    assert by_night * 2 < by_day


def test_weekends_are_quieter_than_weekdays(logs: Logs) -> None:
    """Saturday has fewer records than Friday."""
    days = [record["event_time"][:10] for record in logs.records("native")]
    assert days.count("2026-10-03") * 2 < days.count("2026-10-02")


def test_both_protocol_eras_are_there(logs: Logs) -> None:
    """Records of 2026-07-28 have no session id, records of the older revisions have one."""
    eras = {(record["protocol_version"], "session_id" in record) for record in logs.records("native")}
    assert {("2025-06-18", True), ("2025-11-25", True), ("2026-07-28", False)} == eras


def test_sessions_are_coherent(logs: Logs) -> None:
    """An argument of a later call is often a value that an earlier result of the session returned."""
    seen: dict[str, str] = {}
    followed = asked = 0
    for record in logs.records("native"):
        session = record.get("session_id") or record["trace_id"]
        if record.get("tool_name") == "get_customer":
            asked += 1
            followed += record["arguments"]["customer_id"] in seen.get(session, "")
        seen[session] = seen.get(session, "") + json.dumps(record.get("result", ""))
    assert followed > asked * 0.4


def test_secrets_are_few_and_made_up(logs: Logs) -> None:
    """Some arguments hold secrets of known shapes, and each says that it is not real."""
    texts = [json.dumps(record["arguments"]) for record in logs.records("native")]
    secrets = [text for text in texts if "FAKE" in text or "EXAMPLE" in text]
    assert 0 < len(secrets) < len(texts) * 0.02
    shaped = [text for text in texts if "AKIA" in text or "ghp_" in text or "sk-ant-" in text]
    assert set(shaped) <= set(secrets)


def test_every_outcome_occurs(logs: Logs) -> None:
    """Denials, tool errors and timeouts happen in ordinary work too."""
    assert {"success", "denied", "tool_error", "timeout"} == {
        record["outcome"] for record in logs.records("native")
    }


def test_client_and_gateway_tell_the_same_calls(logs: Logs) -> None:
    """A rejected call has a decision and no result; an accepted call has both."""
    decided: dict[str, str] = {}
    results: set[str] = set()
    for record in client_records(logs):
        if record["event.name"] == "tool_decision":
            decided[record["tool_use_id"]] = record["decision"]
        elif record["event.name"] == "tool_result":
            results.add(record["tool_use_id"])
    rejected = {use for use, decision in decided.items() if decision == "reject"}
    assert not rejected & results
    assert len(results - decided.keys()) == 0


def test_too_small_a_simulation_is_refused() -> None:
    """A size at which incidents would outweigh ordinary work is a usage error."""
    with pytest.raises(UsageError, match="too few"):
        SimulationOptions(events=10)
