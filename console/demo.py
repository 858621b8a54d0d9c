"""The demo: simulate a fleet, ingest it as any logs are, and print answers that all come from the lake.

truth.json says what was planted and so where to look. It is never the source of what is printed.
"""

from __future__ import annotations

import json
import shlex
import shutil
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from analytics.ladder import ladder
from console.configuration import starter_toml
from console.options import Place
from console.sources import run_files
from console.table import table_lines, terminal_width
from console.terminal import visible
from console.timeline import timeline_lines
from ingest.simulator import SimulationOptions, simulate
from ingest.simulator.simulation import TRUTH
from store.errors import UsageError
from store.lake import Lake

if TYPE_CHECKING:
    import pyarrow as pa

EVENTS = 20_000
MARKER = ".tooltrail-demo"
_SIMULATION = SimulationOptions(events=EVENTS, seed=7, users=120)
_BROKEN = (
    b'{"event_time":"2026-10-03T11:20:31Z","event_kind":"tool_call","tool_name":"get_custo',
    b'{"note":"of no format, and it says token=ghp_FAKEfakeFAKEfakeFAKEfakeFAKEfake0123"}',
)
"""Two lines for the dead letters: one cut off as by a full disk, one of no known format with a secret in it."""

_LINKED = """SELECT count(*) FROM sidestepped($session, 5)"""

_FORMATS = """
SELECT source_format AS format, count(*) AS events,
       count(*) FILTER (event_class = 'tool_call') AS calls, count(*) FILTER (event_class = 'denial') AS denied,
       count(DISTINCT session_key) AS sessions, coalesce(sum(len(redactions)), 0)::BIGINT AS secrets_removed
FROM events GROUP BY ALL ORDER BY events DESC"""

_DEAD = """
SELECT regexp_extract(place, '[^/]*$') AS place, phase, error, raw FROM dead_letters ORDER BY source_offset"""

_DENIALS = """
SELECT server_name AS server, tool_name AS tool, count(*) AS denied, count(DISTINCT user_id) AS users,
       coalesce(mode(decision_source), 'not said') AS denied_by, coalesce(mode(decision_reason), 'not said') AS reason
FROM denials WHERE tool_name IS NOT NULL GROUP BY ALL ORDER BY denied DESC, server, tool LIMIT 5"""

_FOUND = """
SELECT event_id, source_format FROM events WHERE raw_sha256 IN (SELECT unnest($hashes::VARCHAR[]))
ORDER BY event_time"""

_WENT_TO = """
SELECT strftime(w.event_time, '%d %b %H:%M:%S') AS time, w.server_name || '.' || w.tool_name AS went_to,
       w.shared_values AS shared, t.args_json AS arguments
FROM went_to($event) w JOIN events t USING (event_id) ORDER BY shared DESC, w.event_time LIMIT 3"""

_CROSSED = """
SELECT strftime(e.event_time, '%d %b %H:%M:%S') AS time, coalesce(e.user_email, e.user_id) AS user,
       e.server_name || '.' || e.tool_name AS call, len(list_intersect(e.result_leaves, o.result_leaves)) AS shared
FROM events e JOIN events o ON o.event_id <> e.event_id
WHERE e.raw_sha256 IN (SELECT unnest($hashes::VARCHAR[])) AND o.raw_sha256 IN (SELECT unnest($hashes::VARCHAR[]))
ORDER BY e.event_time"""

_KEY = """
SELECT strftime(event_time, '%d %b %H:%M:%S') AS time, coalesce(user_email, user_id) AS user,
       coalesce(server_name || '.' || tool_name, event_kind) AS what, outcome,
       CASE WHEN event_kind = 'entity_change' THEN 'REVOKED'
            WHEN bool_or(event_kind = 'entity_change') OVER (ORDER BY event_time
                 ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) THEN 'AFTER IT' ELSE '' END AS revoked
FROM events WHERE credential_id = $key ORDER BY event_time"""


def run_demo(folder: Path) -> None:
    """Make the demo under `folder` and print it; UsageError when the folder is something else's."""
    make_room(folder)
    _heading(f"A simulated fleet in {folder}")
    written = simulate(folder / "logs", _SIMULATION)
    (folder / "logs" / TRUTH).rename(folder / TRUTH)
    (folder / "logs" / "broken.ndjson").write_bytes(b"\n".join(_BROKEN) + b"\n")
    _say(
        f"{written.events:,} records of {_SIMULATION.users} people and bots over {_SIMULATION.days} days, as "
        f"{len(written.records)} gateways write them, with {sum(written.incidents.values())} planted incidents, "
        f"and {len(_BROKEN)} lines broken on purpose. From here on nothing is simulated: this is "
        "`tooltrail ingest file`, and every answer is asked of the lake."
    )
    click.echo()
    lake = Lake.create(folder / "lake", config=starter_toml())
    _ingest(folder)
    _say("The same files once more, for nothing may come in twice:")
    _ingest(folder)
    tell(lake, json.loads((folder / TRUTH).read_text("utf-8"))["incidents"], folder)


def _ingest(folder: Path) -> None:
    options = {"place": Place(folder / "lake"), "json_logs": False, "output": "table"}
    run_files((str(folder / "logs"),), False, options)


def make_room(folder: Path) -> None:
    """Remove an earlier demo, known by its marker, and nothing else; UsageError for a folder with other things."""
    marker = folder / MARKER
    if folder.exists() and not marker.exists() and any(folder.iterdir()):
        raise UsageError(
            "the folder is not empty and holds no demo",
            where=str(folder),
            hint="name another: tooltrail demo DIR",
        )
    folder.mkdir(parents=True, exist_ok=True)
    marker.write_text("made by tooltrail demo, which may replace lake, logs and truth.json\n", "utf-8")
    for part in ("lake", "logs"):
        if (folder / part).exists():
            shutil.rmtree(folder / part)
    (folder / TRUTH).unlink(missing_ok=True)


@dataclass(frozen=True)
class Incident:
    """A planted incident and the events of it that are in the lake, by the role each plays."""

    facts: Mapping[str, Any]
    events: Mapping[str, list[str]]

    @property
    def hashes(self) -> list[str]:
        """The hashes of its records' bytes."""
        return [record["raw_sha256"] for record in self.facts["records"] if "raw_sha256" in record]


def tell(lake: Lake, planted: Sequence[Mapping[str, Any]], folder: Path) -> None:
    """Print what the lake answers about the fleet and about one planted incident of several kinds."""
    incidents = [found(lake, facts) for facts in planted]
    _heading("What came in, by gateway format")
    _table(lake, _FORMATS)
    _heading("What became no row: kept as dead letters, secrets taken out")
    _tell_dead(lake)
    _heading("What was refused most")
    _table(lake, _DENIALS)
    session = _tell_way_around(lake, incidents)
    event = _tell_leak(lake, incidents)
    _tell_crossing(lake, incidents)
    _tell_revoked(lake, incidents)
    _heading("The answer sheet")
    records = sum(len(incident.facts["records"]) for incident in incidents)
    known = sum(len(ids) for incident in incidents for ids in incident.events.values())
    _say(f"{folder / TRUTH} lists {records} records of planted incidents; {known} of them are in the lake.")
    _next_steps(folder, session, event)


def found(lake: Lake, facts: Mapping[str, Any]) -> Incident:
    """Look an incident's records up in the lake by the hash of their bytes."""
    roles: dict[str, list[str]] = {}
    for record in facts["records"]:
        rows = lake.sql(_FOUND, {"hashes": [record.get("raw_sha256")]}).arrow().to_pylist()
        roles.setdefault(record["role"], []).extend(row["event_id"] for row in rows)
    return Incident(facts, roles)


def _tell_dead(lake: Lake) -> None:
    for letter in lake.sql(_DEAD).arrow().to_pylist():
        _say(f"{letter['place']} ({letter['phase']}): {letter['error']}")
        _say(f"    {letter['raw'].decode(errors='replace')}")


def _tell_way_around(lake: Lake, incidents: Sequence[Incident]) -> str | None:
    _heading("Denied, then reached another way: one session's timeline")
    for incident in _of(incidents, "denied_then_reached"):
        for raw in incident.facts["session_ids"]:
            key = lake.session_key(raw)
            if lake.sql(_LINKED, {"session": key}).arrow().column(0)[0].as_py():
                for line in timeline_lines(ladder(lake, key), terminal_width()):
                    click.echo(line)
                return key
    _nothing()
    return None


def _tell_leak(lake: Lake, incidents: Sequence[Incident]) -> str | None:
    _heading("Where a customer's data went")
    _say("Calls whose arguments hold a value that one call's answer returned. No value is stored: keyed "
         "fingerprints of them are compared.")  # fmt: skip
    for incident in _of(incidents, "hijacked_session"):
        for event in incident.events.get("reached", []):
            if (rows := lake.sql(_WENT_TO, {"event": event}).arrow()).num_rows:
                _rows(rows)
                return event
    _nothing()
    return None


def _tell_crossing(lake: Lake, incidents: Sequence[Incident]) -> None:
    _heading("One user's data in another user's answer")
    for incident in _of(incidents, "cross_user_leak"):
        if (rows := lake.sql(_CROSSED, {"hashes": incident.hashes}).arrow()).num_rows:
            _rows(rows)
            return
    _nothing()


def _tell_revoked(lake: Lake, incidents: Sequence[Incident]) -> None:
    _heading("A credential that worked after it was revoked")
    for incident in _of(incidents, "revoked_key_used"):
        key = str(incident.facts["credential"])
        if (rows := lake.sql(_KEY, {"key": key}).arrow()).num_rows:
            _say(f"credential {key}")
            _rows(rows)
            return
    _nothing()


def _next_steps(folder: Path, session: str | None, event: str | None) -> None:
    _heading("Try next")
    steps = [f"cd {shlex.quote(str(folder))}"]
    steps += [f"tooltrail timeline {session[:8]}", f"tooltrail story {session[:8]}"] if session else []
    steps += [f"tooltrail sql \"FROM went_to('{event}')\""] if event else []
    steps += ["tooltrail deadletters list", "tooltrail shell"]
    for step in steps:
        click.echo(f"  {step}")


def _of(incidents: Sequence[Incident], kind: str) -> Iterator[Incident]:
    return (incident for incident in incidents if incident.facts["kind"] == kind)


def _table(lake: Lake, question: str) -> None:
    _rows(lake.sql(question).arrow())


def _rows(rows: pa.Table) -> None:
    for line in table_lines(rows.schema, rows.to_batches(), terminal_width()):
        click.echo(line)


def _heading(text: str) -> None:
    click.echo()
    for line in textwrap.wrap(text, terminal_width()):
        click.echo(click.style(line, bold=True, fg="cyan"))


def _say(text: str) -> None:
    indent = " " * (len(text) - len(text.lstrip()))
    click.echo(
        textwrap.fill(visible(text), terminal_width(), subsequent_indent=indent, break_on_hyphens=False)
    )


def _nothing() -> None:
    click.echo("nothing found")
