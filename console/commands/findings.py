"""Read findings and judge them."""

from __future__ import annotations

import click

from console.options import Place, lake_option, output_options
from console.output import Output


@click.group()
def command() -> None:
    r"""Read findings and judge them.

    \b
    Example:
      tooltrail findings list
    """


@command.command(name="list")
@click.option("--all", "every", is_flag=True, help="Also those that were judged, and roll-outs.")
@click.option(
    "--budget", type=click.IntRange(min=1), metavar="N", help="At most N a day: the gravest and rarest."
)
@lake_option
@output_options
def list_(*, every: bool, budget: int | None, place: Place, output: Output) -> None:
    r"""List findings, the gravest first.

    With --budget the threshold follows from how many alerts a day you want to read: of each day the gravest and least
    likely are shown, p-values corrected for how many findings of that day have one (Benjamini and Hochberg 1995). What
    a detection looked at and did not find is not counted: a q-value ranks findings, it is no rate of false ones.

    \b
    Example:
      tooltrail findings list --budget 20
    """
    from console.detecting import list_findings

    list_findings(place, output, every=every, budget=budget)


@command.command()
@click.argument("finding")
@lake_option
def show(finding: str, place: Place) -> None:
    r"""Show one finding: what, why, on which events, what else it could be, and what to do next.

    \b
    Example:
      tooltrail findings show 3f2a91
    """
    from console.detecting import show_finding

    show_finding(place, finding)


@command.command()
@click.argument("finding")
@click.argument("state", type=click.Choice(("open", "true", "false", "accepted")))
@click.option("--reason", required=True, metavar="TEXT", help="Why you judge so.")
@click.option("--by", required=True, metavar="NAME", help="Who judges.")
@lake_option
def triage(finding: str, state: str, reason: str, by: str, place: Place) -> None:
    r"""Judge a finding: true, false, accepted (true, and lived with), or open again.

    \b
    Example:
      tooltrail findings triage 3f2a91 false --reason "deploy window" --by ana
    """
    from analytics.detecting import triage as judging
    from console.exits import say

    lake = place.open_to_ask()
    known = judging.find(lake, finding)
    judging.say(lake, known, state, reason, by)
    say(f"{known} is {state}")


@command.command()
@lake_option
@output_options
def scorecard(place: Place, output: Output) -> None:
    r"""Say how each detection did by what people said of its findings: keep, tune or retire.

    \b
    Example:
      tooltrail findings scorecard
    """
    output.write(place.open_to_ask().sql("FROM scorecard ORDER BY precision, detection"))


@command.command()
@lake_option
@output_options
def incidents(place: Place, output: Output) -> None:
    r"""List incidents, the riskiest first: findings of one story, by session, or by user or credential within hours.

    \b
    Example:
      tooltrail findings incidents
    """
    from console.detecting import list_incidents

    list_incidents(place, output)


@command.command()
@lake_option
@output_options
def risk(place: Place, output: Output) -> None:
    r"""List users, clients, credentials and servers by the risk their findings add up to.

    \b
    Example:
      tooltrail findings risk
    """
    output.write(place.open_to_ask().sql("FROM risk ORDER BY risk DESC, kind, entity"))
