"""Secrets planted in what is read are nowhere afterwards: not in files, not in pages, not in what is printed."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from ingest import secrets

ROOT = Path(__file__).parent.parent
TELLING = ("arg", "param", "input", "output", "result", "error", "message", "reason", "uri", "url", "text", "body",
           "content", "description", "query", "path", "detail")  # fmt: skip
"""Fields that may hold what a model or tool wrote, by a part of their name."""


def shaped() -> list[str]:
    """Return one secret of each kind that is known by its shape alone, none of them real."""
    kinds = [pattern for pattern in secrets.patterns() if pattern.shaped]
    return [pattern.example for pattern in kinds]


# --- in what is read --------------------------------------------------------------------------------------------


def planted(value: Any, supply: Iterator[str], *, telling: bool = False) -> Any:
    """Return a JSON value with a secret after each text that a model or tool may have written."""
    if isinstance(value, dict):
        return {
            k: planted(v, supply, telling=telling or any(t in k.lower() for t in TELLING))
            for k, v in value.items()
        }
    if isinstance(value, list):
        return [planted(v, supply, telling=telling) for v in value]
    if not isinstance(value, str) or not telling:
        return value
    try:
        inner = json.loads(value)
    except ValueError:
        return f"{value} {next(supply)}"
    return json.dumps(planted(inner, supply, telling=True)) if isinstance(inner, dict | list) else value


def sources(folder: Path, supply: Iterator[str]) -> None:
    """Write the golden samples of every format with secrets planted, some records broken on the way."""
    rng = random.Random(7)  # noqa: S311 - which records are broken
    for sample in sorted((ROOT / "tests/golden").glob("*/sample.ndjson")):
        lines = []
        for line in sample.read_text("utf-8").splitlines():
            try:
                record = json.dumps(planted(json.loads(line), supply))
            except ValueError:
                record = f"{line} {next(supply)}"
            lines.append(record if rng.random() < 0.9 else record[: len(record) * 3 // 4])
        lines.append(f'{{"unknown format": "{next(supply)}"}}')
        lines.append(f"no JSON at all: {next(supply)}")
        (folder / f"{sample.parent.name}.ndjson").write_text("\n".join(lines) + "\n", "utf-8")


def commands(folder: Path) -> Iterator[list[str]]:
    """Yield the commands that write, print or fail, in the order a day of work has."""
    yield ["init", "lake"]
    yield ["ingest", "file", "logs", "--output", "json"]
    yield ["deadletters", "list", "--output", "json"]
    yield ["deadletters", "replay"]
    yield ["sessions", "--output", "json"]
    yield ["detect"]
    yield ["findings", "list", "--all", "--output", "json"]
    yield ["clients", "--output", "json"]
    yield ["debt"]
    for kind in ("csv", "parquet", "ocsf", "timesketch"):
        yield ["export", kind, "-o", f"out.{kind}"]
    yield ["sql", "FROM events", "--output", "parquet", "--to", "all.parquet"]
    yield ["sql", "FROM events", "--output", "json"]
    yield ["sql", "FROM dead_letters", "--output", "csv"]
    yield ["sql", "SELECT tool_name::INTEGER FROM events"]
    yield ["ask", "--role", "all", "--why", shaped()[0], f"SELECT '{shaped()[1]}' FROM events LIMIT 0"]  # noqa: S608
    yield ["ask", "--role", "all", "--why", "x", f"FROM read_text('{shaped()[2]}')"]
    keys = subprocess.run(
        [sys.executable, "-m", "console.cli", "sql", "--output", "csv",
         "SELECT session_key FROM events WHERE session_key IS NOT NULL GROUP BY ALL ORDER BY count(*) DESC LIMIT 3"],
        cwd=folder, capture_output=True, text=True, check=True,
    ).stdout.split()[1:]  # fmt: skip
    for number, key in enumerate(keys):
        yield ["timeline", key, "--html", f"session-{number}.html"]
        yield ["story", key]


def every_value(path: Path) -> Iterator[bytes]:
    """Yield a file as it lies there, and a Parquet file's values as they are read."""
    yield path.read_bytes()
    if path.suffix == ".parquet":
        yield json.dumps(pq.read_table(path, partitioning=None).to_pylist(), default=_plain).encode()


def _plain(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


@pytest.mark.slow
def test_planted_secrets_are_nowhere(tmp_path: Path) -> None:
    """Through ingest, dead letters, sessions, detections, exports, pages, questions and errors no secret comes out."""
    given = shaped()
    used: list[str] = []

    def supply() -> Iterator[str]:
        while True:
            used.append(given[len(used) % len(given)])
            yield used[-1]

    (tmp_path / "logs").mkdir()
    sources(tmp_path / "logs", supply())
    assert len(used) > 300
    said = b""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TOOLTRAIL_")}
    for arguments in commands(tmp_path):
        run = subprocess.run(
            [sys.executable, "-m", "console.cli", *arguments], cwd=tmp_path, env=environment, capture_output=True,
            timeout=600, check=False,
        )  # fmt: skip
        said += run.stdout + run.stderr
        fails = arguments[0] == "ask" or "INTEGER" in arguments[-1]
        assert b"bug" not in run.stderr, (arguments, run.stderr)
        assert run.returncode == 0 or fails or arguments[0] in {"ingest", "deadletters"}, (
            arguments,
            run.stderr,
        )
        if arguments[0] == "init":
            roles = '[roles.all]\nviews = ["*"]\n[people]\n"*" = ["all"]\n'
            (tmp_path / "lake/tooltrail.toml").write_text(roles)
    written = [path for path in tmp_path.rglob("*") if path.is_file() and "logs" not in path.parts]
    assert len(written) > 20
    leaked = {
        (str(path.relative_to(tmp_path)), secret)
        for path in written
        for content in every_value(path)
        for secret in set(given)
        if secret.encode() in content
    }
    assert leaked == set()
    assert {secret for secret in set(given) if secret.encode() in said} == set()
    assert pq.read_metadata(tmp_path / "all.parquet").num_rows > 100
