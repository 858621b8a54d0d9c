"""Incidents of the field are played beside the ordinary fleet and change nothing of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ingest.simulator import SimulationOptions, simulate
from ingest.simulator.scenarios import FOLDER, SCENARIOS
from store.errors import UsageError


def run(folder: Path, **more: Any) -> dict[str, bytes]:
    """Return every file that a small simulation writes."""
    simulate(folder, SimulationOptions(events=500, users=40, days=2, formats=("native",), **more))
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


def test_the_fleet_stays_as_it_was(tmp_path: Path) -> None:
    """With scenarios the other files, and the other entries of the answer sheet, are byte for byte the same."""
    without, played = run(tmp_path / "a"), run(tmp_path / "b", incidents=tuple(SCENARIOS))
    assert {n: played[n] for n in without if n != "truth.json"} == {
        n: b for n, b in without.items() if n != "truth.json"
    }
    kept, all_of = (json.loads(files["truth.json"])["incidents"] for files in (without, played))
    assert [i | {"number": 0} for i in all_of if i["kind"] not in SCENARIOS] == [
        i | {"number": 0} for i in kept
    ]
    assert {n for n in played if n.startswith(FOLDER)} == {f"{FOLDER}/{name}.ndjson" for name in SCENARIOS}


def test_equal_options_give_equal_scenarios(tmp_path: Path) -> None:
    """A scenario is the same whenever it is played, and whichever others are."""
    one, other = (
        run(tmp_path / "a", incidents=tuple(SCENARIOS)),
        run(tmp_path / "b", incidents=("rpc_id_collision",)),
    )
    name = f"{FOLDER}/rpc_id_collision.ndjson"
    assert one[name] == other[name]


def test_a_clean_fleet_has_no_incident_but_those_named(tmp_path: Path) -> None:
    """With `clean` the answer sheet holds what was asked for and nothing else."""
    kinds = [
        [incident["kind"] for incident in json.loads(files["truth.json"])["incidents"]]
        for files in (
            run(tmp_path / "a", clean=True),
            run(tmp_path / "b", clean=True, incidents=("rpc_id_collision",)),
        )
    ]
    assert kinds == [[], ["rpc_id_collision"]]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"incidents": ("asana",)}, "unknown incident 'asana'"),
        ({"incidents": tuple(SCENARIOS), "users": 10}, "need 20 users"),
    ],
)
def test_what_cannot_be_played_is_said(tmp_path: Path, options: dict[str, Any], reason: str) -> None:
    """A misspelt name and too small a fleet are errors before anything is written."""
    with pytest.raises(UsageError, match=reason):
        simulate(tmp_path / "out", SimulationOptions(events=500, **{"users": 40} | options))
    assert not (tmp_path / "out").exists()
