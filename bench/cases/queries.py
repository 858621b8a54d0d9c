"""Three questions an investigator asks, on a lake of twenty million events, beside chDB over the same files."""

from __future__ import annotations

import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

import pyarrow as pa

from bench import replicated
from bench.options import Options
from bench.table import Row, Target, at_most, ratio_at_most
from store.lake import Lake

SUMMARY = "three questions on 20 million events, against chDB over the same files"
SAMPLED = 60
WARM_UP = 5
COLUMNS = "event_time, event_class, server_name, tool_name, decision, decision_reason, outcome, duration_ms"


Peer = Callable[[Lake, str, dict[str, Any]], pa.Table]


@dataclass(frozen=True)
class Question:
    """One question, in our SQL and in ClickHouse's, with as many sets of parameters as it is asked."""

    name: str
    ours: str
    chdb: str
    asked: Sequence[dict[str, Any]]
    target_ms: float


@dataclass
class Times:
    """Milliseconds of each time a question was asked."""

    taken: list[float] = field(default_factory=list)

    def p(self, share: float) -> float:
        """Return a percentile."""
        return statistics.quantiles(self.taken, n=100, method="inclusive")[round(share * 100) - 1]


def run(options: Options) -> Iterator[Row]:
    """Yield p50 and p95 of each question, warm, both engines in turn in one process."""
    lake, about = replicated.lake(options.cache, options.query_events)
    sys.stderr.write(f"  {about}\n")
    peer = _peer()
    for question in _questions(lake, options):
        yield from _rows(question, *_compare(lake, question, peer))
    yield Row("query, stored per event", "B", _bytes(lake) / lake.snapshot("events").rows)


def _compare(lake: Lake, question: Question, peer: Peer | None) -> tuple[Times, Times]:
    ours, theirs = Times(), Times()
    for number, parameters in enumerate([*question.asked[:WARM_UP], *question.asked]):
        mine, rows = _timed(partial(_ask, lake, question.ours, parameters))
        taken = [(ours, mine)]
        if peer is not None:
            other, found = _timed(partial(peer, lake, question.chdb, parameters))
            taken.append((theirs, other))
            if found.num_rows != rows.num_rows:
                raise RuntimeError(f"{question.name}: {rows.num_rows} rows, chDB {found.num_rows}")
        for times, milliseconds in taken if number >= WARM_UP else ():
            times.taken.append(milliseconds)
    return ours, theirs


def _ask(lake: Lake, query: str, parameters: dict[str, Any]) -> pa.Table:
    return lake.sql(query, parameters).arrow()


def _rows(question: Question, ours: Times, theirs: Times) -> Iterator[Row]:
    bounds: tuple[Target, ...] = (at_most(question.target_ms), ratio_at_most(1.0))
    for share, targets in ((0.5, bounds), (0.95, ())):
        peer = theirs.p(share) if theirs.taken else None
        name = f"query, {question.name}, p{share * 100:.0f}"
        yield Row(name, "ms", ours.p(share), peer, "chDB", targets if peer is not None else targets[:1])


def _timed(question: Callable[[], pa.Table]) -> tuple[float, pa.Table]:
    began = time.perf_counter()
    rows = question()
    return (time.perf_counter() - began) * 1000, rows


def _bytes(lake: Lake) -> int:
    return sum(file.bytes for file in lake.snapshot("events").files)


def _questions(lake: Lake, options: Options) -> Iterator[Question]:
    times = 10 if options.quick else SAMPLED
    rng = random.Random(7)  # noqa: S311 - a sample, not a secret
    sessions = _sessions(lake, rng, times + WARM_UP)
    where = "session_key = $session"
    bound = " AND event_time >= $since::TIMESTAMPTZ AND event_time < $until::TIMESTAMPTZ"
    theirs = "session_key = {session:String}"
    their_bound = (
        " AND event_date = toDate(left({since:String}, 10))"
        " AND event_time >= toDateTime64({since:String}, 6, 'UTC')"
        " AND event_time < toDateTime64({until:String}, 6, 'UTC')"
    )
    timeline = f"SELECT {COLUMNS}, args_json FROM events WHERE {{}} ORDER BY event_time"  # noqa: S608 - our own words
    yield Question(
        "a session's timeline", timeline.format(where), timeline.format(theirs),
        [{"session": s["session"]} for s in sessions], 50,
    )  # fmt: skip
    yield Question(
        "a session's timeline with its day", timeline.format(where + bound),
        timeline.format(theirs + their_bound), sessions, 15,
    )  # fmt: skip
    of_user = f"SELECT {COLUMNS} FROM events WHERE {{}} ORDER BY event_time"  # noqa: S608 - our own words
    users = lake.sql("SELECT DISTINCT user_id FROM events WHERE user_id IS NOT NULL ORDER BY 1").arrow()
    chosen = [{"user": rng.choice(users["user_id"]).as_py()} for _ in range(max(10, times // 2))]
    yield Question(
        "a user's 30 days", of_user.format("user_id = $user"), of_user.format("user_id = {user:String}"),
        chosen, 150,
    )  # fmt: skip
    yield Question(
        "denials per client and hour",
        "FROM denials_per_hour()",
        "SELECT toStartOfHour(event_time) AS hour, client_name, count() AS denials FROM events"
        " WHERE event_class = 'denial' GROUP BY hour, client_name ORDER BY hour, denials DESC",
        [{} for _ in range(max(10, times // 3))],
        600,
    )


def _sessions(lake: Lake, rng: random.Random, count: int) -> list[dict[str, Any]]:
    """Choose sessions at random, busy days more often, each with the bounds of the day it was found on."""
    files = lake.snapshot("events").files
    found: list[dict[str, Any]] = []
    while len(found) < count:
        (file,) = rng.choices(files, weights=[file.rows for file in files])
        bounds = {"since": f"{file.day} 00:00:00+00", "until": f"{file.day + timedelta(days=1)} 00:00:00+00"}
        rows = lake.sql(
            "SELECT session_key FROM events WHERE event_time >= $since::TIMESTAMPTZ"
            " AND event_time < $until::TIMESTAMPTZ AND session_key IS NOT NULL"
            " GROUP BY 1 ORDER BY md5(session_key || $salt) LIMIT 1",
            {**bounds, "salt": str(rng.random())},
        ).arrow()
        found += [{"session": key, **bounds} for key in rows["session_key"].to_pylist()]
    return found


def _peer() -> Peer | None:
    """Return a way to ask chDB about the lake's files, None where it is not installed."""
    try:
        import chdb
    except ImportError:
        return None
    connection: Any = chdb.connect(":memory:")  # type: ignore[no-untyped-call]

    def ask(lake: Lake, query: str, parameters: dict[str, Any]) -> pa.Table:
        glob = lake.path / "events" / "event_date=*" / "*.parquet"
        source = f"file('{glob}', Parquet)"
        plain = {name: str(value).removesuffix("+00") for name, value in parameters.items()}
        result = connection.query(query.replace("FROM events", f"FROM {source}"), "ArrowStream", params=plain)
        return pa.ipc.open_stream(result.bytes()).read_all()

    return ask
