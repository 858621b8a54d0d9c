"""Run detections over what is new."""

from __future__ import annotations

from pathlib import Path

import click

from console.options import Place, lake_option, output_options
from console.output import Output


@click.command()
@click.option("--only", metavar="ID", multiple=True, help="Only this detection; may be given again.")
@click.option(
    "--detections", "folders", type=click.Path(path_type=Path, exists=True, file_okay=False), multiple=True,
    metavar="DIR", help="Also run the detections in this folder.",
)  # fmt: skip
@click.option("--again", is_flag=True, help="Evaluate all days, not only those with new events.")
@lake_option
@output_options
def command(
    *, only: tuple[str, ...], folders: tuple[Path, ...], again: bool, place: Place, output: Output
) -> None:
    r"""Run the detections over what came in since the last run, and print what is newly found.

    Sessions are stitched first. A finding has a stable key: it is never reported twice, unless its evidence grew. What
    could not be evaluated for want of columns is said.

    \b
    Example:
      tooltrail detect
      tooltrail detect --only d10_deny_then_sidestep --again --output json
    """
    from console.detecting import detect

    detect(place, output, only, folders, again=again)
