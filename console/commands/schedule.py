"""Make reports on a schedule and hand them on."""

from __future__ import annotations

import click

from console.options import Place, lake_option, output_options
from console.output import Output


@click.group()
def command() -> None:
    r"""Make reports on a schedule and hand them on: [schedule.NAME] of tooltrail.toml says which, when and where.

    \b
    Example:
      tooltrail schedule status
    """


@command.command()
@lake_option
def run(place: Place) -> None:
    r"""Stay, and make each report when it is due; Ctrl-C ends it between two.

    Each run is claimed in the lake before it is made, so that no two processes make the same. Of runs that were
    missed while nothing was running, the last is made. What cannot be handed on is tried again for a day.

    \b
    Example:
      tooltrail schedule run --lake /var/lib/tooltrail
    """
    from console.scheduling import run as stay

    stay(place)


@command.command()
@click.argument("name")
@click.option("--again", is_flag=True, help="Make it anew, though it was made before.")
@lake_option
@click.pass_context
def once(context: click.Context, name: str, again: bool, place: Place) -> None:
    r"""Make what is due of one schedule and stop: for cron, systemd timers and Kubernetes.

    Due is the last time its expression names. Started twice, it is made once.

    \b
    Example:
      tooltrail schedule once weekly-fleet
    """
    from console.scheduling import once as make

    context.exit(make(place, name, again=again))


@command.command()
@lake_option
@output_options
def status(place: Place, output: Output) -> None:
    r"""Say of each schedule when it is due next, what became of its last run, and what failed.

    \b
    Example:
      tooltrail schedule status --output json
    """
    from console.scheduling import status as tell

    tell(place, output)
