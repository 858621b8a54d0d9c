"""What is known of one user, client, credential, server or tool: when it was seen, what it did, and how that ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from analytics.timeline import text
from store.errors import UsageError

if TYPE_CHECKING:
    from store.lake import AsOf, Lake
    from store.sql import Answer

_CONDITIONS = {
    "user": """user_id = $id OR lower(user_email) = lower($id) OR user_id IN (
        SELECT b.user_id FROM people() a JOIN people() b USING (person)
        WHERE a.user_id = $id OR a.person = lower($id))""",
    "client": "client_oauth_id = $id OR client_name = $id OR agent_id = $id OR agent_name = $id",
    "credential": "credential_id = $id",
    "server": "server_name = $id OR server_id = $id",
    "tool": "server_name || '.' || tool_name = $id",
}
_FINDINGS = {
    "user": "lower(user_id) = lower($id)", "client": "client = $id", "credential": "credential_id = $id",
    "server": "server_name = $id", "tool": "server_name || '.' || tool_name = $id",
}  # fmt: skip
KINDS = tuple(_CONDITIONS)
_ALIKE = 0.9
_NEAR = """
SELECT name FROM (
    SELECT DISTINCT unnest([user_id, user_email, client_oauth_id, client_name, agent_id, agent_name, credential_id,
                            server_name, server_id, server_name || '.' || tool_name]) AS name FROM events)
WHERE contains(lower(name), lower($id)) OR jaro_winkler_similarity(lower(name), lower($id)) >= $alike
ORDER BY jaro_winkler_similarity(lower(name), lower($id)) DESC, name LIMIT 3"""

FACETS = {
    "people": "person", "assurances": "user_assurance", "clients": "client", "versions": "client_version",
    "credentials": "credential_id", "credential_kinds": "credential_kind", "addresses": "client_address",
    "user_agents": "user_agent", "agents": "coalesce(agent_name, agent_id)", "models": "model_name",
    "servers": "server_name", "sources": "source_system",
}  # fmt: skip
"""What an entity was seen with: name of the list, and the expression that is counted."""


@dataclass(frozen=True)
class Profile:
    """One entity. `facts` has the columns of who.sql; each facet is a list of {value, events, first, last}."""

    id: str
    kind: str
    kinds: tuple[str, ...]
    facts: dict[str, Any]
    version: int


def who(lake: Lake, name: str, kind: str | None = None, as_of: AsOf = None) -> Profile:
    """Return what is known of an entity by its id; of a person also by e-mail address.

    `kinds` are all it could be; `kind` chooses, else it is the first of KINDS. Raises UsageError when nothing fits.
    """
    kinds = _kinds(lake, name, as_of)
    if (kind or next(iter(kinds), None)) not in kinds:
        wanted = f"no {kind}" if kind else "no user, client, credential, server or tool"
        raise UsageError(f"{wanted} is called {name}", hint=_hint(lake, name, kinds, as_of))
    chosen = kind or kinds[0]
    facets = ", ".join(f"{_facet(expression)} AS {name}" for name, expression in FACETS.items())
    question = (
        text("who.sql").replace("{condition}", _CONDITIONS[chosen]).replace("{found}", _FINDINGS[chosen])
    )
    answer = lake.sql(question.replace("{facets}", f"SELECT {facets}"), {"id": name}, as_of)
    return Profile(name, chosen, kinds, answer.arrow().to_pylist()[0], answer.version)


def clients(lake: Lake, since: datetime | None = None, as_of: AsOf = None) -> Answer:
    """Return the client inventory, the newest first; with `since` only those first seen from then on."""
    return lake.sql(text("clients.sql"), {"since": since}, as_of)


def _kinds(lake: Lake, name: str, as_of: AsOf) -> tuple[str, ...]:
    counts = ", ".join(f"count_if({condition}) AS {kind}" for kind, condition in _CONDITIONS.items())
    row = lake.sql(f"SELECT {counts} FROM events", {"id": name}, as_of).arrow().to_pylist()[0]  # noqa: S608 - our own words
    return tuple(kind for kind in KINDS if row[kind])


def _hint(lake: Lake, name: str, kinds: tuple[str, ...], as_of: AsOf) -> str:
    """Say what the id is instead, or which ids hold it or are spelt much like it."""
    if kinds:
        return f"it is a {', a '.join(kinds)}"
    near = lake.sql(_NEAR, {"id": name, "alike": _ALIKE}, as_of).arrow()["name"].to_pylist()
    if near:
        return f"did you mean {' or '.join(near)}?"
    return "a tool is server.tool; `tooltrail clients` lists clients"


def _facet(expression: str) -> str:
    return f"""(
        SELECT list({{value: value, events: events, first: first, last: last}} ORDER BY events DESC, value)
        FROM (SELECT {expression} AS value, count(*) AS events, min(event_time) AS first, max(event_time) AS last
              FROM own GROUP BY ALL HAVING value IS NOT NULL))"""  # noqa: S608 - our own words
