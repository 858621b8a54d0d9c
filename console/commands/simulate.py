"""`tooltrail simulate`: write a simulated fleet's gateway logs with planted incidents."""

from __future__ import annotations

import json
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ingest.simulator.options import Summary


@click.command(name="simulate")
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@click.option("--events", default=10_000, show_default=True, help="Records to write, all formats together.")
@click.option("--seed", default=1, show_default=True, help="Equal seed and options give equal bytes.")
@click.option(
    "--start",
    type=click.DateTime(["%Y-%m-%d"]),
    default="2026-10-01",
    show_default=True,
    help="First day, in UTC.",
)
@click.option("--days", default=7, show_default=True, help="Days to simulate.")
@click.option("--users", default=100, show_default=True, help="People and bots in the fleet.")
@click.option("--formats", default="", metavar="ID,ID", help="Formats to write.  [default: all]")
@click.option(
    "--per-file", default=1_000_000, show_default=True, help="Records after which a new file begins."
)
@click.option("--compress", type=click.Choice(["gz", "zst"]), help="Compress the files.")
@click.option(
    "--incidents", default="", metavar="NAME,NAME", help="Also play incidents of the field; all: every one."
)
@click.option("--clean", is_flag=True, help="Plant no incidents but those named.")
@click.option("--force", is_flag=True, help="Replace an earlier simulation in OUT.")
@click.option(
    "--output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="json: one line of JSON on stdout.",
)
def command(
    out: Path, events: int, seed: int, start: datetime, days: int, users: int, formats: str, per_file: int,
    compress: str | None, incidents: str, clean: bool, force: bool, output: str,
) -> None:  # fmt: skip
    """Write a simulated fleet's gateway logs to OUT, with planted incidents listed in OUT/truth.json.

    \b
    Example:
      tooltrail simulate /tmp/fleet --events 20000 --formats native,obot
      tooltrail simulate /tmp/fleet --incidents github_toxic_flow,postmark_blind_copy
      tooltrail simulate /tmp/fleet --events 50000 --days 30 --clean
    """  # noqa: D301 - click's own \b
    from ingest.simulator import SimulationOptions, simulate
    from ingest.simulator.gateways import chosen_formats
    from ingest.simulator.scenarios import SCENARIOS, check

    names = _names(formats)
    played = tuple(SCENARIOS) if incidents.strip() == "all" else _names(incidents)
    options = SimulationOptions(
        events, seed, date(start.year, start.month, start.day), days, users, names, per_file, compress,
        incidents=played, clean=clean,
    )  # fmt: skip
    check(options)
    chosen_formats(names)
    _make_room(out, force)
    summary = simulate(out, options)
    _tell(summary)
    if output == "json":
        click.echo(json.dumps({
            "out": str(out), "events": summary.events, "bytes": summary.bytes, "sessions": summary.sessions,
            "records": summary.records, "files": summary.files, "incidents": summary.incidents,
            "truth": str(out / "truth.json"),
        }))  # fmt: skip


def _tell(summary: Summary) -> None:
    """Say on stderr what was written."""
    for name, records in summary.records.items():
        click.echo(f"{name:14} {records:>12,} records in {summary.files[name]} files", err=True)
    planted = ", ".join(f"{count} {kind}" for kind, count in summary.incidents.items()) or "none"
    click.echo(f"{summary.events:,} records, {summary.bytes:,} bytes, {summary.sessions:,} sessions; "
               f"incidents: {planted}", err=True)  # fmt: skip


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _make_room(out: Path, force: bool) -> None:
    """Refuse a folder that is not empty; with force, remove an earlier simulation and nothing else."""
    import shutil

    from ingest.simulator.gateways import all_formats
    from ingest.simulator.scenarios import FOLDER
    from store.errors import UsageError

    if not out.exists() or not any(out.iterdir()):
        return
    if not force:
        raise UsageError("the folder is not empty", where=str(out), hint="choose another, or add --force")
    for name in (*all_formats(), FOLDER):
        shutil.rmtree(out / name, ignore_errors=True)
    (out / "truth.json").unlink(missing_ok=True)
