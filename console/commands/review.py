"""Review what is granted against what was used, and decide what stays."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from console.options import Place, as_of_option, lake_option, output_options
from console.output import Output


@click.group()
def command() -> None:
    r"""Review what is granted against what was used, and decide what stays.

    \b
    Example:
      tooltrail review show
    """


@command.command()
@click.argument("name")
@click.option("--by", required=True, metavar="WHO", help="Who begins it.")
@click.option(
    "--reviewer", "reviewers", multiple=True, metavar="WHO", help="Who may decide; else anybody may."
)
@click.option(
    "--since", metavar="TIME", help="Begin of the period; else [review] period_days before its end."
)
@click.option("--until", metavar="TIME", help="End of the period; else the newest event.")
@click.option("--server", "servers", multiple=True, metavar="PATTERN", help="Only grants on these servers.")
@click.option("--principal", "principals", multiple=True, metavar="PATTERN", help="Only grants to these.")
@click.option("--previous", metavar="NAME", help="The review to compare with; else the one closed last.")
@lake_option
def new(
    name: str, by: str, reviewers: tuple[str, ...], since: str | None, until: str | None, servers: tuple[str, ...],
    principals: tuple[str, ...], previous: str | None, place: Place,
) -> None:  # fmt: skip
    r"""Begin a review: what is granted, and what is recommended of each grant, is frozen now.

    \b
    Example:
      tooltrail review new 2026-q3 --by dora --reviewer dora --reviewer ana
    """
    from console.review import Asked, begin_review

    begin_review(place, name, by, reviewers, Asked(since, until, servers, principals), previous)


@command.command()
@click.argument("name", required=False)
@click.option("--items", "every", is_flag=True, help="Every item of the review, not how many stand alike.")
@lake_option
@output_options
def status(name: str | None, place: Place, output: Output, *, every: bool) -> None:
    r"""List reviews, or say how one stands: what is decided and open, who decided how, what was enforced.

    \b
    Example:
      tooltrail review status 2026-q3
    """
    from console.review_status import print_status

    print_status(place, output, name, every=every)


@command.command()
@click.argument("name", required=False)
@click.option("--open", "only_open", is_flag=True, help="Only what is still to be decided.")
@click.option(
    "--to-decide", "form", is_flag=True, help="With empty columns for decisions: a form for `decide --file`."
)
@click.option("--since", metavar="TIME", help="Without a NAME: begin of the period.")
@click.option("--until", metavar="TIME", help="Without a NAME: end of the period.")
@click.option("--server", "servers", multiple=True, metavar="PATTERN", help="Only grants on these servers.")
@click.option("--principal", "principals", multiple=True, metavar="PATTERN", help="Only grants to these.")
@as_of_option
@lake_option
@output_options
def show(
    *, name: str | None, only_open: bool, form: bool, since: str | None, until: str | None, servers: tuple[str, ...],
    principals: tuple[str, ...], as_of: str | None, place: Place, output: Output,
) -> None:  # fmt: skip
    r"""Show the items of a review with states and recommendations; without a NAME, those of one that began now.

    \b
    Example:
      tooltrail review show 2026-q3 --to-decide --to todo.csv
    """
    from console.review import Asked, show_review

    asked = Asked(since, until, servers, principals)
    show_review(place, output, name, asked, as_of, only_open=only_open, form=form)


@command.command()
@click.argument("name")
@click.argument("items", metavar="[ITEM...", nargs=-1)
@click.argument("decision", metavar="DECISION]", required=False)
@click.option(
    "--file", "file", type=click.Path(path_type=Path, dir_okay=False), help="A form, filled in: CSV."
)
@click.option("--by", required=True, metavar="WHO", help="Who decides; a form may name others line by line.")
@click.option("--reason", default="", metavar="TEXT", help="Why.")
@click.option("--owner", metavar="WHO", help="Who answers for a deferral.")
@click.option(
    "--due", type=click.DateTime(), metavar="DAY", help="Until when it is put off, at most 30 days."
)
@click.option("--ticket", metavar="ID", help="Under which it is carried out.")
@lake_option
def decide(
    name: str, items: tuple[str, ...], decision: str | None, file: Path | None, by: str, reason: str, owner: str | None,
    due: datetime | None, ticket: str | None, place: Place,
) -> None:  # fmt: skip
    r"""Decide items: keep, modify, revoke, defer or exception; one by one, or by a form.

    ITEM is an id or the beginning of one. All of what is given is taken in, or nothing.

    \b
    Example:
      tooltrail review decide 2026-q3 3f2a91 revoke --by dora
      tooltrail review decide 2026-q3 --file todo.csv --by dora
    """
    from console.review import Decided, decide_items

    decide_items(place, name, items, decision, file, Decided(by, reason, owner, due, ticket))


@command.command()
@click.argument("name")
@click.option("--by", required=True, metavar="WHO", help="Who closes it.")
@click.option(
    "--without-report",
    is_flag=True,
    help="Seal items and decisions alone, where what was frozen was erased since.",
)
@lake_option
def close(name: str, by: str, place: Place, *, without_report: bool) -> None:
    r"""Close a review: only when everything adds up; decisions and the report are sealed with their hashes.

    \b
    Example:
      tooltrail review close 2026-q3 --by dora
    """
    from console.review import close_review

    close_review(place, name, by, with_report=not without_report)


@command.command()
@click.argument("name")
@lake_option
def check(name: str, place: Place) -> None:
    r"""Check that the records of a closed review, its report among them, are what was sealed.

    \b
    Example:
      tooltrail review check 2026-q3
    """
    from console.review import check_review

    check_review(place, name)
