"""Records of a simulated fleet's clients and gateways are tied together as the simulator knows they belong."""

from __future__ import annotations

import json
from pathlib import Path
from threading import Event

from lakes import ask

from ingest.files import find_files, ingest_files
from ingest.loop import IngestOptions, Pipeline
from ingest.simulator import SimulationOptions, simulate
from ingest.simulator.simulation import CALLS
from store.lake import Lake

NAMED_PEOPLE = {"native", "toolhive", "agentgateway"}
"""Formats whose people can be told to be the client's: Obot's are numbers of its own that nothing else knows."""

PAIRS = """
SELECT w.exchange_id, c.tool_call_id, e.source_format,
       CASE e.source_format WHEN 'agentgateway' THEN e.span_id ELSE e.native_event_id END AS id
FROM witnesses('-infinity', 'infinity') w JOIN events e USING (event_id)
LEFT JOIN (SELECT DISTINCT exchange_id, tool_call_id
           FROM witnesses('-infinity', 'infinity') JOIN events USING (event_id)
           WHERE tool_call_id IS NOT NULL) c USING (exchange_id)
WHERE e.vantage = 'gateway' AND e.event_kind = 'tool_call' AND e.args_hmac IS NOT NULL
"""


def test_calls_are_tied_as_they_were_made(tmp_path: Path, lake: Lake) -> None:
    """No gateway's record is tied to another's call, and of those that tell who asked for what few are left alone."""
    simulate(tmp_path / "logs", SimulationOptions(events=6000, seed=3, calls=True))
    truth = {}
    for line in (tmp_path / "logs" / CALLS).read_text().splitlines():
        told = json.loads(line)
        truth[told["format"], told["id"]] = told["tool_call_id"]
    pipeline = Pipeline(lake, IngestOptions())
    files = find_files([str(folder) for folder in (tmp_path / "logs").iterdir() if folder.is_dir()])
    ingest_files(lake, pipeline, files, 1 << 20, lambda _: None, Event())
    with_content = {
        i
        for (i,) in ask(
            lake, "SELECT tool_call_id FROM events WHERE args_hmac IS NOT NULL AND vantage = 'client'"
        )
    }
    pairs = [((form, number), call) for _, call, form, number in ask(lake, PAIRS)]
    tied = [(record, call) for record, call in pairs if call is not None]
    assert [pair for pair in tied if truth.get(pair[0]) != pair[1]] == []
    could_be = [r for r, _ in pairs if r[0] in NAMED_PEOPLE and truth.get(r) in with_content]
    assert len(could_be) > 100
    assert len(tied) >= 0.9 * len(could_be)


def test_the_truth_of_calls_changes_no_log(tmp_path: Path) -> None:
    """Asking for it adds a file and leaves every other byte as it was."""
    for name, calls in (("without", False), ("with", True)):
        simulate(tmp_path / name, SimulationOptions(events=1000, calls=calls))
    logs = {name: {p.relative_to(tmp_path / name): p.read_bytes() for p in (tmp_path / name).rglob("*") if p.is_file()}
            for name in ("without", "with")}  # fmt: skip
    assert logs["with"].pop(Path(CALLS))
    assert logs["with"] == logs["without"]
