"""How a story begins: who worked, by which client, with which credential, and on whose behalf."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from analytics.wording import NAMED, clock, day, events_by, few, listed, named

if TYPE_CHECKING:
    from analytics.ladder import Ladder


def introduction(ladder: Ladder) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield sentences, each with the events that show it: the first one of each name."""
    rows = [step.row for step in ladder.steps]
    first = rows[0]["event_id"]
    when = f"On {day(ladder.summary.first)} at {clock(ladder.summary.first)} UTC"
    people = events_by(rows, lambda row: row["user_email"] or row["user_id"])
    if people:
        who = listed([named(person) for person in people])
        how = listed(sorted({_assured(row["user_assurance"]) for row in rows if row["user_id"]}))
        yield (f"{when}, {who} ({how}) began to work.", few(people))
    else:
        yield (f"{when}, someone whom no event names began to work.", (first,))
    clients = events_by(rows, _client)
    if clients:
        yield (f"The client was {listed(list(clients))}.", few(clients))
    keys = events_by(rows, _credential)
    if keys:
        yield (f"It was let in with {listed(list(keys))}.", few(keys))
    chains = events_by(rows, lambda row: _chain(row["delegation"]))
    for chain, events in list(chains.items())[:NAMED]:
        yield (f"It was done on behalf of another: {chain}.", events)
    agents = events_by(rows, lambda row: row["agent_name"] or row["model_name"])
    if agents:
        yield (f"The agent or model was {listed([named(a) for a in agents])}.", few(agents))


def _client(row: Mapping[str, Any]) -> str | None:
    version = f" {named(row['client_version'])}" if row["client_version"] else ""
    said = f"{named(row['client_name'])}{version}" if row["client_name"] else ""
    if row["client_oauth_id"]:
        return f"{named(row['client_oauth_id'])} (attested{f', calling itself {said}' if said else ''})"
    return f"{said} (by its own account)" if said else None


def _credential(row: Mapping[str, Any]) -> str | None:
    kind = (row["credential_kind"] or row["auth_method"] or "").replace("_", " ")
    if not row["credential_id"]:
        return None
    return f"the {kind or 'credential'} {named(row['credential_id'])}"


def _chain(actors: Sequence[Mapping[str, str | None]] | None) -> str | None:
    if not actors:
        return None
    return ", for ".join(named(actor["sub"] or actor["iss"]) for actor in actors[:NAMED])


def _assured(assurance: str | None) -> str:
    return {
        "verified": "identity verified", "proxy_asserted": "as a proxy says", "self_reported": "as they say themselves",
        "inferred": "inferred", "anonymous": "anonymous",
    }.get(assurance or "", "how that is known is not said")  # fmt: skip
