"""Keys that the simulator lets be stolen, and keys it revokes, are found among ordinary work, and no others."""

import json

import pytest
from lakes import take_in

from analytics.detecting import job
from analytics.detecting.catalog import load
from analytics.stitching import job as sessions
from ingest.simulator.options import SimulationOptions
from ingest.simulator.simulation import simulate

NAMES = ("d17_stolen_long_lived_key", "d20_revoked_but_used")


@pytest.fixture
def found(lake, tmp_path):
    """Return which credentials each detection names, and the planted incidents with what their keys did before."""
    logs = tmp_path / "logs"
    simulate(logs, SimulationOptions(events=12_000, seed=5, users=40, formats=("native",)))
    lines = [line for file in sorted((logs / "native").iterdir()) for line in file.read_bytes().splitlines()]
    take_in(lake, lines)
    sessions.update(lake)
    run = job.update(lake, [load()[name] for name in NAMES])
    return {n: [f.credential_id for f in run.written if f.detection == n] for n in NAMES}, planted(
        logs, lines
    )


def planted(logs, lines):
    """Return kind and key of each incident that can be told: a stolen key that was never used before has no habits."""
    events = [json.loads(line) for line in lines]
    told = []
    for incident in json.loads((logs / "truth.json").read_text())["incidents"]:
        key, when = incident["credential"], incident["when"]
        hours = {
            e["event_time"][:13] for e in events if e.get("credential_id") == key and e["event_time"] < when
        }
        if incident["kind"] == "revoked_key_used" or (incident["kind"] == "stolen_key" and len(hours) >= 3):
            told.append((incident["kind"], key))
    return told


@pytest.mark.slow
def test_the_planted_keys_are_found_and_no_others(found):
    """Every planted key that can be told is found; on everything else both detections are quiet."""
    credentials, incidents = found
    stolen = [key for kind, key in incidents if kind == "stolen_key"]
    revoked = [key for kind, key in incidents if kind == "revoked_key_used"]
    assert stolen
    assert revoked
    assert sorted(credentials["d17_stolen_long_lived_key"]) == sorted(stolen)
    assert sorted(credentials["d20_revoked_but_used"]) == sorted(revoked)
