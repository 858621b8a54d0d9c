"""Two lakes that differ only in what a role may not see, and short ways to ask them."""

from __future__ import annotations

import io
import tempfile
import tomllib
from pathlib import Path
from typing import Any

import lakes
import pyarrow as pa

from store import keys
from store.door import worker
from store.door.answer import canonical
from store.door.job import Job, Verdict
from store.door.policy import Limits, Policy, Role
from store.errors import TooltrailError
from store.lake import Lake
from store.sql import freeze_all

HERE = Path(__file__).parent
HOSTILE: dict[str, list[str]] = tomllib.loads((HERE / "hostile.toml").read_text("utf-8"))
HONEST = [text.strip() for text in (HERE / "honest.sql").read_text("utf-8").split(";\n") if text.strip()]
VIEWS = ("events", "tool_calls", "denials", "timeline", "who_called", "first_seen")
HIDDEN = ("raw_sha256", "ingest_time", "args_leaves", "args_hmac", "redactions", "parse_warnings")
"""What of a visible row depends on what is masked in it, or on the hour the test runs."""

FREE = Role("free", VIEWS)
BOUND = Role(
    "bound",
    VIEWS,
    filter={"events": "org_id = 'acme'"},
    masks={"events": {"user_email": "constant", "user_id": "hash", "credential_id": "last4", "args_json": "null",
                      **dict.fromkeys(HIDDEN, "null")}},
    limits=Limits(max_seconds=3, max_memory=256 << 20, max_rows=1000, max_bytes=32 << 20),
)  # fmt: skip
POLICY = Policy({"free": FREE, "bound": BOUND}, {"*": ("free", "bound")})


def make(path: Path, world: str) -> Lake:
    """Make a lake whose visible rows are those of every world, and whose hidden values are this world's alone."""
    lake = Lake.create(path, lakes.KEY)
    visible = [
        lakes.record(n, org_id="acme", user_id="anabel"[: 3 + n % 4], user_name=f"name-{n % 3}", duration_ms=n * 10,
                     event_kind="tool_call" if n % 5 else "tool_decision", decision="allow" if n % 5 else "deny",
                     event_class="tool_call" if n % 5 else "denial",
                     user_email=f"person-{n}{world}@{world}.example", credential_id=f"{world}-masked-{n}-1234",
                     arguments={"path": f"/{world}/{n}"})
        for n in range(24)
    ]  # fmt: skip
    hidden = [
        lakes.record(100 + n, org_id="other", user_id=f"hidden-{world}-{n}", user_name=f"hidden-{world}-{n}",
                     tool_name=f"hidden_{world}", user_email=f"hidden-{world}@example.org",
                     credential_id=f"hidden-{world}")
        for n in range(8 if world == "a" else 13)
    ]  # fmt: skip
    lakes.take_in(lake, visible + hidden)
    return lake


def job(lake: Lake, role: Role, statement: str) -> Job:
    """Return the job of a question."""
    snapshots = freeze_all(lake, None)
    spill = tempfile.gettempdir()
    return Job(
        statement, role, snapshots, {name: lake.template(name) for name in snapshots},
        keys.derive(lake.site_key, "mask"), keys.derive(lake.site_key, "key-index"), spill, 1,
    )  # fmt: skip


def asked(lake: Lake, role: Role, statement: str) -> Verdict | pa.Table:
    """Answer a question as its process would, in this one; return the rows, or how it failed."""
    sink = io.BytesIO()
    try:
        worker.answer(job(lake, role, statement), sink)
    except TooltrailError as error:
        return Verdict.of(error)
    return pa.ipc.open_stream(sink.getvalue()).read_all()


def seen(answer: Verdict | pa.Table) -> Any:
    """Return what someone learns from an answer, but for the order of its rows."""
    if isinstance(answer, Verdict):
        return answer
    return answer.schema.names, sorted(
        b"".join(canonical(batch) for batch in answer.to_batches()).splitlines()
    )
