"""A writer to be hurt: python -m bench.faults.writer STORE FOLDER COMMITS. Prints the last offset of each commit."""

from __future__ import annotations

import sys
from pathlib import Path

from bench.faults.stores import ROWS, STORES


def main() -> None:
    """Go on where the store ends, so many commits."""
    store, folder, commits = STORES[sys.argv[1]], Path(sys.argv[2]), int(sys.argv[3])
    session = store.session(folder)
    first = 0 if session.last is None else session.last + 1
    print("started", flush=True)
    for number in range(commits):
        session.append(first + number * ROWS)
        print(first + (number + 1) * ROWS - 1, flush=True)


if __name__ == "__main__":
    main()
