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
@click.option(
    "--sigma", type=click.Path(path_type=Path, exists=True, file_okay=False), multiple=True, metavar="DIR",
    help="Also run the Sigma rules in this folder (docs/sigma.md).",
)  # fmt: skip
@click.option("--again", is_flag=True, help="Evaluate all days, not only those with new events.")
@click.option("--follow", is_flag=True, help="Stay, and print and send what new commits bring.")
@lake_option
@output_options
def command(
    *,
    only: tuple[str, ...],
    folders: tuple[Path, ...],
    sigma: tuple[Path, ...],
    again: bool,
    follow: bool,
    place: Place,
    output: Output,
) -> None:
    r"""Run the detections over what came in since the last run, and print what is newly found.

    Sessions are stitched first. A finding has a stable key: it is never reported twice, unless its evidence grew. What
    could not be evaluated for want of columns is said. With --follow findings go to [alerts.NAME] too (docs/alerts.md).

    \b
    Example:
      tooltrail detect
      tooltrail detect --only d10_deny_then_sidestep --again --output json
      tooltrail detect --sigma rules/
      tooltrail detect --follow | while read -r finding; do ...; done
    """
    from console.detecting import Pack, detect, follow_commits

    if follow:
        follow_commits(place, output, Pack(only, folders, sigma), again=again)
    else:
        detect(place, output, Pack(only, folders, sigma), again=again)
