"""Show on a simulated fleet what the lake can answer."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument(
    "folder", metavar="[DIR]", type=click.Path(path_type=Path, file_okay=False), default=Path("demo")
)
def command(folder: Path) -> None:
    r"""Simulate a fleet, take its logs in, and show what the lake can answer.

    Everything is made under DIR (./demo): the logs, the lake, and truth.json, the sheet of what was planted.
    An earlier demo there is replaced; a folder that is anything else is refused.

    \b
    Example:
      tooltrail demo
      tooltrail timeline SESSION --lake demo/lake
    """
    from console.demo import run_demo

    run_demo(folder)
