"""Upkeep to be hurt: python -m bench.faults.upkeep STORE FOLDER. Prints what it begins."""

from __future__ import annotations

import sys
from pathlib import Path

from bench.faults.stores import STORES


def main() -> None:
    """Compact, forget, erase, and remove what is not needed then."""
    store, folder = STORES[sys.argv[1]], Path(sys.argv[2])
    print("started", flush=True)
    store.compact(folder)
    store.erase(folder)
    store.forget(folder)
    store.vacuum(folder, at_once=True)
    print("done", flush=True)


if __name__ == "__main__":
    main()
