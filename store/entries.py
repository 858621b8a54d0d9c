"""What a table's log says, commit by commit, read as it is: files that came and went, positions, and our notes.

The log is read here without the Delta library, which opens a table as a whole or not at all.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from store.commit import LOG, NOTE, log_entry

FROM = "from"
"""The key of a note that says, for each file that holds older rows anew, of which files they were."""
_ENTRY = re.compile(r"(\d{20})\.json")


@dataclass(frozen=True)
class Entry:
    """One commit: `added` and `removed` hold Delta's actions by the path of their file."""

    version: int
    added: Mapping[str, Mapping[str, Any]]
    removed: Mapping[str, Mapping[str, Any]]
    positions: Mapping[str, int]
    note: Mapping[str, Any] = field(default_factory=dict)
    time: int = 0
    restructures: bool = False

    @property
    def origins(self) -> Mapping[str, list[str]]:
        """For each file that holds older rows anew: the files they were in."""
        found: Mapping[str, list[str]] = self.note.get(FROM, {})
        return found

    @property
    def digests(self) -> Mapping[str, str]:
        """SHA-256, in hex, of each file that came."""
        found: Mapping[str, str] = self.note.get("sha256", {})
        return found


def versions(root: Path) -> list[int]:
    """Return the versions whose log entries are there, in order."""
    names = (_ENTRY.fullmatch(path.name) for path in (root / LOG).iterdir())
    return sorted(int(match[1]) for match in names if match is not None)


def read_entry(root: Path, version: int) -> Entry:
    """Return one commit. ValueError when the entry is empty or torn, OSError when it cannot be read."""
    lines = [json.loads(line) for line in log_entry(root, version).read_text().splitlines() if line.strip()]
    if not lines:
        raise ValueError("the entry is empty")
    info: dict[str, Any] = next((line["commitInfo"] for line in lines if "commitInfo" in line), {})
    return Entry(
        version,
        {unquote(line["add"]["path"]): line["add"] for line in lines if "add" in line},
        {unquote(line["remove"]["path"]): line["remove"] for line in lines if "remove" in line},
        {line["txn"]["appId"]: line["txn"]["version"] for line in lines if "txn" in line},
        info.get(NOTE, {}),
        info.get("timestamp", 0),
        any("metaData" in line or "protocol" in line for line in lines),
    )


def entries(root: Path, after: int = -1) -> Iterator[Entry]:
    """Yield the commits later than a version, in order; a gap ends them."""
    version = after + 1
    while log_entry(root, version).exists():
        yield read_entry(root, version)
        version += 1


def digests(root: Path) -> dict[str, str]:
    """Return the SHA-256 of every file that ever came, by path."""
    return {path: digest for entry in entries(root) for path, digest in entry.digests.items()}


def fresh(root: Path, since: int) -> set[str]:
    """Return the files that hold rows which came after a version, also where they were put together with older ones."""
    found: set[str] = set()
    for entry in entries(root, since):
        origins = entry.origins
        found |= {path for path in entry.added if path not in origins or not found.isdisjoint(origins[path])}
    return found
