"""A question is half answered when upkeep joins the files it reads and removes the old ones."""

from __future__ import annotations

import pyarrow.parquet as pq

from bench.faults.fault import COMMITS, WRITTEN, Fault, Tally, Trial


def run(trial: Trial) -> Tally:
    """Read one file of a version, compact and vacuum, read the others; every other time vacuum waits for nobody."""
    tally = Tally()
    for number, folder in trial.folders():
        trial.store.make(folder)
        trial.store.write(folder, COMMITS)
        at_once = number % 2 == 1
        first, *rest = trial.store.data(folder)
        rows = pq.read_table(first, partitioning=None).num_rows
        trial.store.compact(folder)
        trial.store.vacuum(folder, at_once=at_once)
        try:
            rows += sum(pq.read_table(file, partitioning=None).num_rows for file in rest)
        except FileNotFoundError:
            tally.add("fails loudly when vacuum is told not to wait", at_once)
            continue
        tally.add("all rows, each once" if rows == WRITTEN + 1 else f"{rows} rows", rows == WRITTEN + 1)
    return tally


FAULT = Fault(
    25, "a question whose files are vacuumed", "read in part, then compacted and vacuumed",
    "an exact answer or a loud failure", 2, 10, run,
)  # fmt: skip
