"""How much of the disk DuckDB may take for what does not fit in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

PREFIX = "tooltrail-query-"
"""How the names of folders begin that questions and jobs spill to, in the temporary folder."""
MOST = "16GB"
"""More than this nothing may spill: it fails with an error rather than fill the disk."""


def bound(database: duckdb.DuckDBPyConnection, most: str | int) -> None:
    """Bound it on an open database: DuckDB passes over this setting when it is given on connecting."""
    database.execute(f"SET GLOBAL max_temp_directory_size = '{most}'")
