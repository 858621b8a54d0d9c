"""What the client inventory shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from analytics.timeline import text
from reports.asking import Source
from reports.catalog import Request
from reports.page import About, Listing, Page, Tile, listing
from store.lake import Lake

NEW = timedelta(days=7)
_COLUMNS = (
    "client:text, identity:tag, names:list:calls itself, versions:list, users:number, servers:list,"
    " first:time:first seen, last:time:last seen, calls:number, denied:number, findings:number"
)


@dataclass(frozen=True)
class ClientsPage:
    """The whole page."""

    about: About = field(metadata={"help": "what the page is, and the version of the events"})
    tiles: Sequence[Tile] = field(metadata={"help": "how many clients there are, of what kinds"})
    new: Listing = field(metadata={"help": "clients first seen in the last seven days"})
    unvouched: Listing = field(metadata={"help": "clients that only call themselves so"})
    clients: Listing = field(metadata={"help": "every client, the newest first"})
    unnamed: int = field(metadata={"help": "calls of which no client is known"})


def clients_page(lake: Lake, request: Request) -> Page:
    """Return the inventory; clients first seen in the seven days before the newest event are new."""
    source = Source.of(lake, request)
    table = source.ask(text("clients.sql"), {"since": request.since})
    rows = table.to_pylist()
    newest = max((row["last"] for row in rows), default=None)
    about = About(
        "Client inventory", "Clients that were seen", source.version, source.command("clients", request)
    )
    new = [row for row in rows if newest is not None and row["first"] >= newest - NEW]
    unvouched = [row for row in rows if row["identity"] != "attested"]
    unnamed = source.rows(_UNNAMED, {"since": request.since})[0]["calls"]
    tiles = _tiles(rows, new)
    stem = "clients"
    page = ClientsPage(
        about,
        tiles,
        listing("new", "First seen in the last seven days", new, _COLUMNS, stem=stem, kept="clients"),
        listing(
            "unvouched",
            "Nothing vouches for what these call themselves",
            unvouched,
            _COLUMNS,
            stem=stem,
            kept="clients",
        ),
        listing(
            "clients",
            "Every client, the newest first",
            rows,
            _COLUMNS,
            stem=stem,
            nothing="no event names a client.",
        ),
        unnamed,
    )
    summary = [f"{tile.words}: {tile.value}" for tile in tiles]
    return Page(stem, "clients/page.html.j2", page, {"clients": table}, about, summary)


_UNNAMED = """
SELECT count(*) AS calls FROM events
WHERE event_class IN ('tool_call', 'denial') AND coalesce(client_oauth_id, client_name, agent_id) IS NULL
  AND ($since IS NULL OR event_time >= $since::TIMESTAMPTZ)"""


def _tiles(rows: Sequence[Mapping[str, Any]], new: Sequence[Any]) -> list[Tile]:
    attested = sum(row["identity"] == "attested" for row in rows)
    found = sum(row["findings"] > 0 for row in rows)
    refused = sum(row["denied"] > 0 for row in rows)
    return [
        Tile(f"{len(rows):,}", "clients seen"),
        Tile(f"{attested:,}", "attested by OAuth", "reached"),
        Tile(f"{len(rows) - attested:,}", "only say who they are", "warned"),
        Tile(f"{len(new):,}", "new in seven days"),
        Tile(f"{refused:,}", "were refused something", "denied"),
        Tile(f"{found:,}", "with findings", "denied"),
    ]
