"""Options that mean the same in every command, and what they give the command to work with."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from console.output import FORMATS, Output
from store import settings
from store.errors import UnreachableError

if TYPE_CHECKING:
    from ingest.loop import IngestOptions
    from store.lake import Lake

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Place:
    """Where the lake and its configuration are. Nothing is opened or read before it is asked for."""

    path: Path
    config: Path | None = None

    def settings(self, flags: Mapping[str, Any] | None = None) -> settings.Settings:
        """Return the settings; `flags` maps dotted names to what was given on the command line, or None."""
        return settings.load(settings.find_file(self.path, self.config), flags=flags)

    def open(self) -> Lake:
        """Open the lake; UnreachableError says how to make or name one."""
        if not self.path.exists():
            hint = (
                "`tooltrail init` makes one, `tooltrail demo` a full one; --lake or TOOLTRAIL_LAKE names it"
            )
            raise UnreachableError("there is no lake here", where=str(self.path), hint=hint)
        from store.lake import Lake

        return Lake.open(self.path)

    def open_to_ask(self) -> Lake:
        """Open the lake for questions, bounded as [query] says."""
        bounds = duckdb_settings(self.settings().query)
        lake = self.open()
        lake.engine(lambda: bounds)
        return lake


def duckdb_settings(query: settings.QuerySettings) -> dict[str, str | int]:
    """Return the bounds of [query] as DuckDB's own settings."""
    bounds: dict[str, str | int] = {}
    if query.threads:
        bounds["threads"] = query.threads
    if query.memory_limit is not None:
        bounds["memory_limit"] = f"{query.memory_limit}B"
    return bounds


adapters_option = click.option(
    "--adapters", type=click.Path(path_type=Path, exists=True, file_okay=False), multiple=True, metavar="DIR",
    help="Also read the adapters and mapping files in this folder.",
)  # fmt: skip
"""Folders beside the configured ones, for a command that reads records."""


def lake_option(function: F) -> F:
    """Add --lake and --config; the command gets `place`."""

    @click.option(
        "--lake",
        "lake_path",
        type=click.Path(path_type=Path),
        default=Path("lake"),
        envvar="TOOLTRAIL_LAKE",
        metavar="DIR",
        help="The lake: else TOOLTRAIL_LAKE, else ./lake.",
    )
    @click.option(
        "--config",
        "config_path",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="The configuration: else TOOLTRAIL_CONFIG, else the lake's own.",
    )
    @functools.wraps(function)
    def command(*args: Any, lake_path: Path, config_path: Path | None, **kwargs: Any) -> Any:
        return function(*args, place=Place(lake_path, config_path), **kwargs)

    return command  # type: ignore[return-value]


def output_options(function: F) -> F:
    """Add --output, --to and --limit; the command gets `output`."""

    @click.option(
        "--output",
        "output_format",
        type=click.Choice(FORMATS),
        help="How to print rows; else a table on a terminal, ndjson in a pipe.",
    )
    @click.option(
        "--to", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write to a file."
    )
    @click.option("--limit", type=click.IntRange(min=0), metavar="N", help="Print at most N rows.")
    @functools.wraps(function)
    def command(
        *args: Any, output_format: str | None, to: Path | None, limit: int | None, **kwargs: Any
    ) -> Any:
        return function(*args, output=Output(output_format, to, limit), **kwargs)

    return command  # type: ignore[return-value]


def as_of_option(function: F) -> F:
    """Add --as-of; the command gets `as_of`, None for now."""
    option = click.option(
        "--as-of", metavar="VERSION|TIME", help="Answer as the lake was at a version or a time (UTC)."
    )
    return option(function)


def ingest_options(chosen: settings.Settings) -> IngestOptions:
    """Return [ingest] and [content] as the pipeline takes them."""
    from ingest.loop import IngestOptions
    from ingest.rows import RowOptions

    ingest, content = chosen.ingest, chosen.content
    return IngestOptions(
        format=ingest.format,
        adapters=ingest.adapters,
        flush_rows=ingest.flush_rows,
        flush_bytes=ingest.flush_bytes,
        flush_seconds=ingest.flush_seconds,
        max_record_bytes=ingest.max_record_bytes,
        dedupe_window=ingest.dedupe_window,
        rows=RowOptions(keep_arguments=content.keep_arguments, max_argument_chars=content.max_argument_chars),
    )
