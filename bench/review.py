"""A review of a large lake: seconds and memory of `assess` and of its page on one core, and how they grow.

    python -m bench.review [--sizes N N...] [--people N] [--grants N] [--memory 1536MB] [--cache DIR] [--json FILE]

Each size is ninety days of a company's calls, written to a lake as the ingest would, with a roster, client and
credential inventories, and grants by person and by group of which some are used, some are not, some end midway.
It is measured in a process of its own on one core with one thread of DuckDB; times are CPU seconds.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from bench import machine
from bench.measure import Clock, apart, peak_mib, timed
from bench.table import Row, at_most, ratio_at_most, render

SECONDS, MIB, PAGE_MB, GROWTH = 60, 2048, 5, 2.3
SERVERS, TOOLS = 30, 20
CHUNK = 500_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure each size, and print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.review", description=(__doc__ or "").split("\n\n")[0]
    )
    parser.add_argument(
        "--sizes", nargs="+", type=int, default=[250_000, 500_000], metavar="N", help="events"
    )
    parser.add_argument("--people", type=int, default=5_000, metavar="N")
    parser.add_argument("--grants", type=int, default=50_000, metavar="N")
    parser.add_argument("--memory", default="1200MB", help="DuckDB's memory_limit")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="where the lakes are kept between runs")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows as JSON too")
    chosen = parser.parse_args(arguments)
    about = machine.describe()
    with tempfile.TemporaryDirectory(prefix="tooltrail-bench-") as work:
        found = [_measured(n, chosen, chosen.cache or Path(work)) for n in sorted(chosen.sizes)]
    rows = list(_rows(found))
    about["load at the end"] = machine.load()
    print("\n".join(f"{name}: {value}" for name, value in about.items()), end="\n\n")
    print(render(rows))
    if chosen.json is not None:
        document = {"machine": about, "rows": [row.record() for row in rows]}
        chosen.json.write_text(json.dumps(document, indent=2) + "\n")
    return 0


def _measured(events: int, chosen: argparse.Namespace, cache: Path) -> dict[str, Any]:
    """Return the figures of one size; its lake is made when it is not there."""
    sys.stderr.write(f"{events:,} events\n")
    lake = cache / f"review-{events}-{chosen.people}-{chosen.grants}"
    if not (lake / "made").exists():
        apart("bench.review:make", lake=str(lake), events=events, people=chosen.people, grants=chosen.grants)
    return apart("bench.review:measure", lake=str(lake), memory=chosen.memory)


def make(lake: str, events: int, people: int, grants: int) -> dict[str, Any]:
    """Write the company's calls, its inventories and its grants."""
    import duckdb

    from analytics.entitlements import catalog, importing
    from bench.lakes import fresh_lake
    from store.events import arrow_schema

    target, clock, schema = fresh_lake(Path(lake)), Clock(), arrow_schema()
    database = duckdb.connect(
        config={"temp_directory": tempfile.gettempdir(), "max_temp_directory_size": "4GB"}
    )
    database.execute("SET TimeZone = 'UTC'")
    with clock.running():
        for start in range(0, events, CHUNK):
            count = min(CHUNK, events - start)
            given = {"start": start, "stop": start + count, "events": events, "people": people}
            rows = database.sql(_EVENTS, params=given).to_arrow_table()
            columns = [rows[f.name] if f.name in rows.column_names else _nothing(f, count) for f in schema]
            target.append("events", type(rows).from_arrays(columns, names=schema.names).cast(schema))
        for format_id, content in _imports(people, grants):
            importing.take_in(target, catalog.load()[format_id], [content])
    (Path(lake) / "made").write_text("")
    return timed(clock, events)


def _nothing(field: Any, count: int) -> Any:
    import pyarrow as pa

    return pa.nulls(count, field.type)


_EVENTS = f"""
WITH n AS (SELECT range AS i, hash(range) AS h, hash(range * 7 + 1) AS g FROM range($start::BIGINT, $stop::BIGINT)),
calls AS (
    SELECT i, (h % $people::UBIGINT)::BIGINT AS u, (g % 11)::BIGINT AS pick, h % 25 = 0 AS refused,
           TIMESTAMPTZ '2026-01-01 00:00:00+00' + to_microseconds((i * (90 * 86400 * 1000000.0 / $events))::BIGINT) AS t
    FROM n
), named AS (
    SELECT *, (u * 7 + pick * pick) % {SERVERS} AS s, (u + pick * 3) % {TOOLS} AS k FROM calls
)
SELECT md5(i::VARCHAR) AS event_id, t AS event_time, t AS ingest_time, t::DATE AS event_date,
       'bench' AS source_system, 'native' AS source_format, 'audit_event' AS evidence_kind, 'gateway' AS vantage,
       0::BIGINT AS sub_index,
       md5(i::VARCHAR) || md5(i::VARCHAR) AS raw_sha256, 'calls' AS source_topic, 0::BIGINT AS source_partition,
       i AS source_offset, CASE WHEN refused THEN 'denial' ELSE 'tool_call' END AS event_class,
       'tool_call' AS event_kind, CASE WHEN refused THEN 'deny' ELSE 'allow' END AS decision,
       CASE WHEN refused THEN 'denied' ELSE 'success' END AS outcome,
       'absent' AS args_state, 'absent' AS result_state, 'user-' || u AS user_id,
       'user-' || u || '@example.com' AS user_email,
       'client-' || (u % 8) AS client_name, 'client-' || (u % 8) AS client_oauth_id,
       'key-' || u AS credential_id,
       CASE WHEN u % 3 = 0 THEN 'static_key' ELSE 'oauth_access_token' END AS credential_kind,
       'server-' || s AS server_name,
       ['get', 'list', 'create', 'delete'][(k % 4 + 1)::INTEGER] || '_thing_' || k AS tool_name,
       'unknown' AS operation_class
FROM named"""  # noqa: S608 - our own numbers


def _imports(people: int, grants: int) -> Iterator[tuple[str, Any]]:
    """Yield a roster and grants: half by person, of single tools; the rest by group, or of patterns."""
    from analytics.entitlements.reading import File

    roster = ["user_id,email,groups,manager,status,joined,left"]
    for u in range(people):
        gone = "left,2024-01-01,2026-02-15" if u % 97 == 0 else "active,2024-01-01,"
        roster.append(f"user-{u},user-{u}@example.com,team-{u % 200};dept-{u % 20},user-0,{gone}")
    yield "roster", File("roster.csv", "\n".join(roster).encode())
    lines = ["id,principal,principal_kind,server,tool,source,via,granted_at,expires_at,owner,break_glass"]
    lines += [_grant(n, people) for n in range(grants)]
    yield "grants", File("grants.csv", "\n".join(lines).encode())


def _grant(n: int, people: int) -> str:
    u, pick = n % people, n // people
    server, k = (u * 7 + pick * pick) % SERVERS, (u + pick * 3) % TOOLS
    tool = f"{('get', 'list', 'create', 'delete')[k % 4]}_thing_{k}"
    if n % 50 == 0:
        return f"g{n},team-{u % 200},group,server-{server},*,group,team-{u % 200},2025-06-01,,user-1,false"
    if n % 7 == 0:
        tool = "create_*"
    began = "2026-02-01" if n % 11 == 0 else "2025-06-01"
    ends = "2026-03-01" if n % 13 == 0 else ""
    glass = "true" if n % 997 == 0 else "false"
    return f"g{n},user-{u},human,server-{server},{tool},direct,,{began},{ends},user-1,{glass}"


def measure(lake: str, memory: str) -> dict[str, Any]:
    """Return CPU seconds of an assessment, of its parts, and of its page with its size; and the most memory held."""
    from analytics.review.assess import assess
    from analytics.review.basis import Scope
    from reports.review.context import review_page
    from store.lake import Lake

    opened, clock, paging, parts = Lake.open(Path(lake)), Clock(), Clock(), {}
    opened.engine(lambda: {"threads": 1, "memory_limit": memory})
    with clock.running():
        found = assess(opened, Scope(), settings={"threads": 1, "memory_limit": memory}, timing=parts)
    with paging.running():
        html = review_page(found).html()
    states = {str(state): count for state, count in found.states.items()}
    page = {"cpu": paging.cpu, "mb": len(html.encode()) / 1e6}
    return timed(
        clock, opened.snapshot("events").rows, peak=peak_mib(), parts=parts, states=states, page=page
    )


def _rows(found: Sequence[Mapping[str, Any]]) -> Iterator[Row]:
    largest = found[-1]
    n = largest["events"]
    yield Row(f"a review of {n:,} events", "s", largest["cpu"], targets=(at_most(SECONDS),))
    yield Row("events", "/s", n / largest["cpu"])
    yield Row("its page", "s", largest["page"]["cpu"])
    yield Row("size of its page", "MB", largest["page"]["mb"], targets=(at_most(PAGE_MB),))
    yield Row(
        "most memory held",
        "MiB",
        largest["peak"],
        found[0]["peak"],
        f"with {found[0]['events']:,}",
        (at_most(MIB),),
    )
    for name, seconds in largest["parts"].items():
        yield Row(name, "s", seconds)
    for smaller, larger in pairwise(found):
        yield Row(
            "a review",
            "s",
            larger["cpu"],
            smaller["cpu"],
            f"with {smaller['events']:,}",
            (ratio_at_most(GROWTH),),
        )


if __name__ == "__main__":
    sys.exit(main())
