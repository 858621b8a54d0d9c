"""Say what standing credentials owe."""

from __future__ import annotations

import click

from console.options import Place, as_of_option, lake_option
from console.output import FORMATS, Output


@click.command()
@click.option("--from", "since", metavar="TIME", help="Only debt from this time on (UTC).")
@click.option("--to", "until", metavar="TIME", help="Only debt before this time (UTC).")
@click.option(
    "--by", type=click.Choice(("credential", "owner", "server")), default="credential", show_default=True,
    help="What debt is summed by.",
)  # fmt: skip
@click.option("--weeks", "view", flag_value="weeks", help="The burn-down: debt week by week.")
@click.option(
    "--pay-first", "view", flag_value="pay_first",
    help="Credentials by what moving them to just-in-time saves, and what is left then.",
)  # fmt: skip
@click.option("--output", "output_format", type=click.Choice(FORMATS), help="How to print rows.")
@click.option("-o", "target", type=click.Path(dir_okay=False), metavar="FILE", help="Write to a file.")
@click.option("--limit", type=click.IntRange(min=0), metavar="N", help="Print at most N rows.")
@as_of_option
@lake_option
def command(
    *, since: str | None, until: str | None, by: str, view: str | None, output_format: str | None,
    target: str | None, limit: int | None, as_of: str | None, place: Place,
) -> None:  # fmt: skip
    r"""Say what standing credentials owe, in privileged idle key-days: valid, unused, and not needed to be.

    Where no short-lived credential is proven to work the same is structural exposure, and no debt. How it is counted
    is in docs/debt.md.

    \b
    Example:
      tooltrail debt
      tooltrail debt --by owner --weeks --output csv
      tooltrail debt --pay-first --from 2026-10-01 --to 2026-11-01
    """
    from pathlib import Path

    from console.debt import Question, print_debt

    output = Output(output_format, Path(target) if target else None, limit)
    print_debt(place, output, Question(since, until, by, view, as_of))
