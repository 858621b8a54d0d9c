"""Shapes that several tools share, and how a tool call becomes a step."""

from __future__ import annotations

from typing import Any

from ingest.simulator.steps import Step, structured, to_json

PERSON = "<first> <last>"
ADDRESS = "<first_lower>.<last_lower>@<domain>"
CONTACT = {
    "id": "<cus>",
    "name": PERSON,
    "email": ADDRESS,
    "phone": "<phone>",
    "company": "<company>",
    "city": "<city>",
}
BRIEF = {"id": "<n_cus>", "name": "<n_first> <n_last>", "company": "<n_company>", "city": "<n_city>"}


def call(server: str, name: str, arguments: dict[str, Any], result: str, **more: Any) -> Step:
    """Return a step that calls a tool."""
    return Step(server, "tools/call", name, arguments=to_json(arguments), result=result, **more)


def table_rows(columns: list[str], *rows: list[str]) -> str:
    """Return the answer of a database: columns and rows."""
    return structured({"columns": columns, "rows": rows, "row_count": len(rows)})
