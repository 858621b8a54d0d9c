"""Run a simulation: plan the incidents, then go through the period window by window and write as it goes."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

import numpy as np

from ingest.simulator.fleet import build_fleet
from ingest.simulator.gateways import Catalogue, chosen_formats
from ingest.simulator.incidents import Planner
from ingest.simulator.options import SimulationOptions, Summary
from ingest.simulator.render import Renderer
from ingest.simulator.rhythm import period, windows
from ingest.simulator.scenarios import check, play
from ingest.simulator.sink import Stream
from ingest.simulator.truth import Truth
from ingest.simulator.workload import Block, Workload, with_planned

TRUTH = "truth.json"
CALLS = "calls.ndjson"


def simulate(out: Path, options: SimulationOptions) -> Summary:
    """Write a simulated fleet's logs under `out`, one folder a format, and the answer sheet truth.json.

    Equal options give byte-identical files. Memory does not grow with the number of events.
    """
    with ExitStack() as closing:
        calls = None
        if options.calls:
            out.mkdir(parents=True, exist_ok=True)
            calls = closing.enter_context((out / CALLS).open("w", encoding="utf-8"))
        return _simulate(out, options, calls)


def _simulate(out: Path, options: SimulationOptions, calls: IO[str] | None) -> Summary:
    begun = time.monotonic()
    check(options)
    catalogue = Catalogue(chosen_formats(options.formats))
    rng = np.random.default_rng(options.seed)
    fleet = build_fleet(options, rng)
    planner = Planner(fleet, catalogue, options, rng)
    truth = Truth(planner.incidents, calls)
    renderer = Renderer(fleet, catalogue, rng, truth)
    workload = Workload(fleet, catalogue, period(options), rng)
    streams = {
        name: Stream(out / name, module.SUFFIX, options.per_file, options.compress)
        for name, module in catalogue.formats.items()
    }
    sessions = 0
    done, share = 0, 0.0
    starts = [session.start for session in planner.sessions]
    for window in windows(options, fleet):
        share += window.share
        planned = planner.sessions[bisect_left(starts, window.start) : bisect_left(starts, window.end)]
        block = _block(workload, catalogue, window, planned, round(options.events * min(share, 1.0)) - done)
        done += int(workload.weights(block).sum()) - block.surplus
        sessions += len(np.unique(block.rows.session))
        for name, rendered in renderer.render(block, workload.exports(block).tolist()).items():
            streams[name].add(rendered.times, rendered.counts, rendered.lines)
            streams[name].flush(window.end)
    for stream in streams.values():
        stream.close()
    played = play(out, fleet, options, truth)
    truth.write(out / TRUTH, _about(options, done), {n: m.ID_FIELD for n, m in catalogue.formats.items()})
    seconds = time.monotonic() - begun
    return _summary(out, streams, sessions, seconds, truth, played)


def _summary(
    out: Path, streams: dict[str, Stream], sessions: int, seconds: float, truth: Truth, played: int
) -> Summary:
    return Summary(
        out=out,
        events=sum(stream.records for stream in streams.values()) + played,
        bytes=sum(file.stat().st_size for file in (*out.glob("*/part-*"), *out.glob("scenarios/*"))),
        sessions=sessions,
        seconds=seconds,
        records={name: stream.records for name, stream in streams.items()},
        files={name: stream.files for name, stream in streams.items()},
        incidents=dict(Counter(incident.kind for incident in truth.incidents)),
    )


def _block(workload: Workload, catalogue: Catalogue, window: Any, planned: list[Any], quota: int) -> Block:
    """Return a window's block: its planned sessions, and drawn ones up to the quota."""
    if not planned:
        return workload.draw(window, quota)
    laid_down = with_planned(workload.draw(window, 0), planned, catalogue)
    taken = int(workload.weights(laid_down).sum())
    return with_planned(workload.draw(window, quota - taken), planned, catalogue)


def _about(options: SimulationOptions, events: int) -> dict[str, Any]:
    return {
        "events": events,
        "seed": options.seed,
        "start": options.start.isoformat(),
        "days": options.days,
        "users": options.users,
        "formats": list(options.formats) or "all",
    }
