"""The one way analytics opens a DuckDB of its own: bounded in memory and on disk, in UTC.

Without a folder named, DuckDB spills into the folder one stands in, and as much as fits there.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from store import spilling

if TYPE_CHECKING:
    import duckdb

MEMORY = "50%"
"""Of the machine's memory: two jobs at once still fit."""


def connect(settings: Mapping[str, str | int] | None = None) -> duckdb.DuckDBPyConnection:
    """Return a DuckDB of its own. `settings` are DuckDB's, and go before the bounds of this module.

    What it spills lies in the system's folder for temporary files (TMPDIR) and is gone when it is closed.
    """
    import duckdb

    spill = Path(tempfile.gettempdir()) / f"{spilling.PREFIX}{os.getpid()}-{secrets.token_hex(4)}"
    chosen: dict[str, Any] = {"temp_directory": str(spill), "memory_limit": MEMORY, **(settings or {})}
    most = chosen.pop("max_temp_directory_size", spilling.MOST)
    connection = duckdb.connect(config=chosen)
    spilling.bound(connection, most)
    connection.execute("SET TimeZone = 'UTC'")
    return connection
