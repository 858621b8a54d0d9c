"""Log entries written by us, for what the Delta library cannot say: files taken away, columns added.

An entry becomes visible by a hard link that fails when the version is taken, which is what the library's own commits
do: beside a running ingest the one that comes second goes behind the other.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from deltalake import DeltaTable

from store import commit as delta
from store.commit import LOG, log_entry
from store.durable import sync_folder, write_file


def publish(
    root: Path, newest: int, actions: Sequence[Mapping[str, Any]], behind: Callable[[int], None]
) -> int:
    """Commit Delta actions as the version after `newest`; returns the version, which is durable.

    When others commit first, `behind` is called with each of their versions and raises if ours cannot follow it.
    """
    draft = root / LOG / f".{secrets.token_hex(16)}.tmp"
    write_file(draft, "".join(json.dumps(action) + "\n" for action in actions).encode())
    version = newest + 1
    try:
        while not _link(draft, log_entry(root, version)):
            behind(version)
            version += 1
        sync_folder(root / LOG)
    finally:
        draft.unlink(missing_ok=True)
    return delta.settle(root, version)


def _link(draft: Path, entry: Path) -> bool:
    try:
        os.link(draft, entry)
    except FileExistsError:
        return False
    return True


def metadata(handle: DeltaTable, changed: Mapping[str, str], schema: str | None = None) -> dict[str, Any]:
    """Return a table's metadata action with other properties, and another schema if one is given."""
    held = handle.metadata()
    return {
        "id": str(held.id), "name": held.name, "description": held.description,
        "format": {"provider": "parquet", "options": {}}, "schemaString": schema or handle.schema().to_json(),
        "partitionColumns": held.partition_columns, "createdTime": held.created_time,
        "configuration": {**held.configuration, **changed},
    }  # fmt: skip
