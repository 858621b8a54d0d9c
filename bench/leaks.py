"""Leaks between people that were planted, and what is found of them, through the real ingest and a real lake.

    python -m bench.leaks [--events 100000] [--users 240] [--leaks 120]

A fleet works five days; leaks are planted on all but the first (see bench/leak_corpus.py). A finding of D35 to D40 is
right when its last event is a planted leak. The same fleet without leaks must give no finding at all.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from analytics.detecting import job
from analytics.detecting.catalog import load
from bench.leak_corpus import MECHANISMS, Corpus, corpus
from ingest.delivery import Batch, Stream
from ingest.loop import IngestOptions, Pipeline
from store.lake import Lake

LEAKAGE = tuple(name for name in load() if name.split("_")[0] in {"d35", "d36", "d37", "d38", "d39", "d40"})
_BATCH = 2_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what was found; 1 when a goal was missed."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.leaks", description=(__doc__ or "").split("\n\n")[0]
    )
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--users", type=int, default=240)
    parser.add_argument("--leaks", type=int, default=120, help="leaked events of each mechanism")
    parser.add_argument("--seed", type=int, default=7)
    chosen = parser.parse_args(arguments)
    print(f"{chosen.events:,} events of {chosen.users} users in 5 days, seed {chosen.seed}")
    planted = corpus(chosen.events, chosen.users, chosen.leaks, chosen.seed)
    found, seconds = measure(planted)
    precision, recall = report(planted, found)
    print(f"detection took {seconds:.0f} s of CPU, {len(planted.records) / seconds:,.0f} events/s")
    clean, _ = measure(corpus(chosen.events, chosen.users, 0, chosen.seed))
    print(f"without leaks: {len(clean)} findings (goal: 0) {dict(Counter(by for _, by in clean))}")
    return 0 if precision >= 0.98 and recall >= 0.95 and not clean else 1


def measure(given: Corpus) -> tuple[list[tuple[str, str]], float]:
    """Take a corpus in, run D35 to D40 over it; returns (native id of the last event, detection) of each finding."""
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake.create(Path(folder) / "lake")
        take_in(lake, given.records)
        began = time.process_time()
        detections = load()
        job.update(lake, [detections[name] for name in LEAKAGE])
        seconds = time.process_time() - began
        rows = lake.sql(
            "SELECT e.native_event_id, f.detection FROM findings f JOIN events e ON e.event_id = f.evidence[-1]"
        ).arrow()
        return list(zip(*(column.to_pylist() for column in rows.columns), strict=True)), seconds


def take_in(lake: Lake, records: Sequence[bytes]) -> None:
    """Take native records in, durably."""
    stream = Stream("leaks", 0, "leaks[0]")
    pipeline = Pipeline(lake, IngestOptions(format="native"))
    pipeline.resume(stream)
    for first in range(0, len(records), _BATCH):
        some = list(records[first : first + _BATCH])
        pipeline.add(Batch(stream, some, list(range(first, first + len(some))), first + len(some)))
    pipeline.flush()


def report(planted: Corpus, found: Sequence[tuple[str, str]]) -> tuple[float, float]:
    """Print precision and recall; returns precision of all findings and recall of verbatim leaks."""
    right = [name in planted.leaks for name, _ in found]
    precision = sum(right) / len(right) if right else 0.0
    names = {name for name, _ in found}
    print(f"precision {precision:.4f} ({sum(right)} of {len(right)} findings; goal 0.98)")
    for detection in LEAKAGE:
        mine = [yes for yes, (_, by) in zip(right, found, strict=True) if by == detection]
        print(f"  {detection:32} {sum(mine):5} right {len(mine) - sum(mine):5} wrong")
    recalls = {}
    for kind in ("verbatim", "excerpt", "paraphrase"):
        wanted = {name for name, (_, k) in planted.leaks.items() if k == kind}
        recalls[kind] = len(wanted & names) / len(wanted) if wanted else 0.0
        goal = "; goal 0.95" if kind == "verbatim" else ""
        print(f"recall {kind:12} {recalls[kind]:.4f} ({len(wanted & names)} of {len(wanted)}{goal})")
    for mechanism in MECHANISMS:
        wanted = {name for name, label in planted.leaks.items() if label == (mechanism, "verbatim")}
        print(f"  {mechanism:32} {len(wanted & names):5} of {len(wanted)}")
    return precision, recalls["verbatim"]


if __name__ == "__main__":
    sys.exit(main())
