"""Incidents of the field, end to end: simulated, ingested, stitched, and found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from analytics.detecting.catalog import load
from analytics.ladder import ladder
from analytics.narrative import story
from ingest.simulator import SimulationOptions, simulate
from ingest.simulator.scenarios import SCENARIOS
from store import Lake

pytestmark = pytest.mark.slow
PRESENT = {name.split("_")[0].upper() for name in load()}
FOUND = """
SELECT DISTINCT upper(split_part(f.detection, '_', 1)) AS detection
FROM (SELECT detection, unnest(evidence) AS event_id FROM findings) f JOIN events e USING (event_id)
WHERE e.raw_sha256 IN (SELECT unnest($hashes::VARCHAR[]))"""
PARTS = """
SELECT event_id, session FROM session_events JOIN events USING (event_id)
WHERE raw_sha256 IN (SELECT unnest($hashes::VARCHAR[]))"""
SHOWN = """
SELECT DISTINCT e.raw_sha256
FROM (SELECT unnest(evidence) AS event_id FROM findings WHERE starts_with(detection, $prefix)) f
JOIN events e USING (event_id)"""
CASES = [
    (name, number) for name, script in SCENARIOS.items() for number in script.detectors if number in PRESENT
]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[Lake, dict[str, dict[str, Any]]]:
    """Return a lake in which everything was looked for, and the scenarios of the answer sheet by name."""
    folder = tmp_path_factory.mktemp("incidents")
    options = SimulationOptions(events=600, users=40, days=2, formats=("native",), incidents=tuple(SCENARIOS))
    simulate(folder / "logs", options)
    truth = json.loads((folder / "logs" / "truth.json").read_text())
    (folder / "logs" / "truth.json").unlink()
    for words in (
        ("init", "lake"),
        ("ingest", "file", "logs", "--lake", "lake"),
        ("detect", "--lake", "lake"),
    ):
        clean = {k: v for k, v in os.environ.items() if not k.startswith("TOOLTRAIL_")}
        subprocess.run(
            [sys.executable, "-m", "console.cli", *words],
            cwd=folder,
            env=clean,
            check=True,
            capture_output=True,
        )
    return Lake.open(folder / "lake"), {i["kind"]: i for i in truth["incidents"] if i["kind"] in SCENARIOS}


@pytest.mark.parametrize(("name", "number"), CASES)
def test_it_is_found(played: tuple[Lake, dict[str, dict[str, Any]]], name: str, number: str) -> None:
    """Each detection that there is finds the incident, by evidence that is part of it."""
    lake, incidents = played
    hashes = [record["raw_sha256"] for record in incidents[name]["records"]]
    found = lake.sql(FOUND, {"hashes": hashes}).arrow()["detection"].to_pylist()
    assert number in incidents[name]["detectors"]
    assert number in found


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_story_tells_it(played: tuple[Lake, dict[str, dict[str, Any]]], name: str) -> None:
    """The stories of its sessions leave out none of its events, and say what was found and why."""
    lake, incidents = played
    hashes = [record["raw_sha256"] for record in incidents[name]["records"]]
    found = lake.sql(PARTS, {"hashes": hashes}).arrow()
    ours = set(found["event_id"].to_pylist())
    told = [s for one in sorted(set(found["session"].to_pylist())) for s in story(ladder(lake, one))]
    known = {
        s.text.split(", d")[1].split(")")[0].split("_")[0]
        for s in told
        if ", d" in s.text and s.part == "found"
    }
    numbers = {n[1:] for n in incidents[name]["detectors"] if n in PRESENT and n.startswith("D")}
    assert numbers <= known
    assert all(s.events for s in told)
    assert ours <= {event for s in told for event in s.events}


@pytest.mark.parametrize("number", ["D12", "E3", "E5"])
def test_nothing_else_is_doubted(played: tuple[Lake, dict[str, dict[str, Any]]], number: str) -> None:
    """What shows in the records alone is found in no other event of the fleet, nor of the other scenarios."""
    lake, incidents = played
    staged = {r["raw_sha256"] for i in incidents.values() if number in i["detectors"] for r in i["records"]}
    rows = lake.sql(SHOWN, {"prefix": f"{number.lower()}_"}).arrow()["raw_sha256"].to_pylist()
    assert rows
    assert set(rows) <= staged


def test_every_scenario_is_on_the_answer_sheet(played: tuple[Lake, dict[str, dict[str, Any]]]) -> None:
    """All are played, each with its records in the lake and a sentence."""
    lake, incidents = played
    assert set(incidents) == set(SCENARIOS)
    for incident in incidents.values():
        hashes = [record["raw_sha256"] for record in incident["records"]]
        [row] = (
            lake.sql(
                "SELECT count(DISTINCT raw_sha256) AS n FROM events WHERE raw_sha256 IN (SELECT unnest($h::VARCHAR[]))",
                {"h": hashes},
            )
            .arrow()
            .to_pylist()
        )
        assert row["n"] == len(set(hashes)) > 0
        assert incident["what"].endswith(".")
