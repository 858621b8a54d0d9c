"""Ten incidents that happened to MCP servers, gateways and agents, and three of the evidence itself.

Each is played on a stage of ordinary work, chosen with `tooltrail simulate --incidents`. What is played of the ten is
the mechanism as published, with invented people and values. A function's docstring names the incident; `detectors` are
the detections that should find it.
"""

from __future__ import annotations

from pathlib import Path

from ingest.simulator.fleet import Fleet
from ingest.simulator.options import SimulationOptions
from ingest.simulator.scenarios_evidence import EVIDENCE
from ingest.simulator.scenarios_flow import FLOW
from ingest.simulator.scenarios_mixed import MIXED
from ingest.simulator.stage import Script, Stage
from ingest.simulator.truth import Truth
from store.errors import UsageError

SCENARIOS: dict[str, Script] = {**MIXED, **FLOW, **EVIDENCE}
"""Each scenario by its name."""

FEWEST_PEOPLE = 20
FOLDER = "scenarios"


def check(options: SimulationOptions) -> None:
    """Refuse scenarios that do not exist, and a fleet too small to play them; UsageError says which there are."""
    if unknown := [name for name in options.incidents if name not in SCENARIOS]:
        raise UsageError(f"unknown incident {unknown[0]!r}", hint=f"all, or of {', '.join(SCENARIOS)}")
    if options.incidents and options.users < FEWEST_PEOPLE:
        raise UsageError(f"these incidents need {FEWEST_PEOPLE} users or more", hint="raise --users")


def play(out: Path, fleet: Fleet, options: SimulationOptions, truth: Truth) -> int:
    """Write each chosen scenario as a file in the native format, add it to the truth; return how many records."""
    written = 0
    for number, name in enumerate(SCENARIOS):
        if name not in options.incidents:
            continue
        stage = Stage(name, fleet, options, number)
        whose = SCENARIOS[name].play(stage)
        truth.incidents.append(stage.planted(SCENARIOS[name], whose))
        lines = stage.lines(truth, len(truth.incidents) - 1)
        (out / FOLDER).mkdir(parents=True, exist_ok=True)
        (out / FOLDER / f"{name}.ndjson").write_text("\n".join(lines) + "\n", "utf-8")
        written += len(lines)
    return written
