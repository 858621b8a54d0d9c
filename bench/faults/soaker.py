"""Work that goes on for long: python -m bench.faults.soaker STORE FOLDER SECONDS. Prints samples in JSON."""

from __future__ import annotations

import gc
import json
import os
import sys
import tempfile
import time
from pathlib import Path

from bench.faults.stores import ROWS, STORES

EVERY = 10
"""Commits between two samples; then the store is compacted, vacuumed and asked too."""


def main() -> None:
    """Write, compact, remove and ask until the time is over."""
    store, folder, until = STORES[sys.argv[1]], Path(sys.argv[2]), time.monotonic() + float(sys.argv[3])
    session, first = store.session(folder), 0
    while time.monotonic() < until:
        for _ in range(EVERY):
            session.append(first)
            first += ROWS
        store.compact(folder)
        store.vacuum(folder, at_once=True)
        rows = len(store.offsets(folder))
        gc.collect()
        print(json.dumps({"written": first, "rows": rows, **_taken()}), flush=True)


def _taken() -> dict[str, int]:
    """Return memory in bytes, open handles, and bytes in the folder for temporary files."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    kept = sum(path.stat().st_size for path in Path(tempfile.gettempdir()).rglob("*") if path.is_file())
    return {
        "memory": pages * os.sysconf("SC_PAGE_SIZE"),
        "handles": sum(1 for _ in Path("/proc/self/fd").iterdir()),
        "temporary": kept,
    }


if __name__ == "__main__":
    main()
