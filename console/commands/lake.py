"""Keep a lake: compact, expire, hold, erase, back up and restore it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from console.options import Place, lake_option, output_options
from console.output import Output

_FOLDER = click.Path(path_type=Path, file_okay=False)
_BY = click.option("--by", required=True, metavar="NAME", help="Who says so; it is recorded.")
_WHY = click.option("--reason", required=True, metavar="TEXT", help="Why; it is recorded.")


@click.group()
def command() -> None:
    r"""Keep a lake: compact, expire, hold, erase, back up and restore it.

    \b
    Example:
      tooltrail lake status
    """


@command.command()
@lake_option
@output_options
def status(place: Place, output: Output) -> None:
    r"""Say what each table holds, what waits to be done, what is held, and how many were erased for what reason.

    \b
    Example:
      tooltrail lake status
    """
    from console.keeping import show_status

    show_status(place, output)


@command.command()
@click.argument("tables", metavar="[TABLE]...", nargs=-1)
@lake_option
@output_options
def compact(tables: tuple[str, ...], place: Place, output: Output) -> None:
    r"""Join small files into large ones with the very same rows, which is proven before it counts.

    It may run beside ingest and queries. Old files stay until `lake maintain` removes them.

    \b
    Example:
      tooltrail lake compact events
    """
    from console.keeping import compact_tables

    compact_tables(place, output, tables)


@command.command()
@click.option("--dry-run", is_flag=True, help="Only say what would go, and what is held.")
@lake_option
@output_options
def expire(*, dry_run: bool, place: Place, output: Output) -> None:
    r"""Remove rows whose time is over by [retention] and that no hold covers.

    Both the event and its arrival must be older than the period: a wrong clock alone expires nothing.

    \b
    Example:
      tooltrail lake expire --dry-run
    """
    from console.keeping import expire_rows

    expire_rows(place, output, dry_run=dry_run)


@command.command()
@click.option(
    "--for", "seconds", type=click.FloatRange(min=0), metavar="SECONDS", help="Begin nothing new after this."
)
@lake_option
@output_options
def maintain(seconds: float | None, place: Place, output: Output) -> None:
    r"""Do one round of upkeep: interrupted erasures, expire, compact, remove files nobody needs. For cron.

    \b
    Example:
      tooltrail lake maintain --for 600
    """
    from console.keeping import maintain_lake

    maintain_lake(place, output, seconds)


@command.group()
def hold() -> None:
    r"""Keep rows from expiry and erasure, as a court may order.

    \b
    Example:
      tooltrail lake hold list
    """


@hold.command(name="set")
@click.option("--subject", metavar="NAME", help="Rows in which a text is this name.")
@click.option("--session", metavar="SESSION", help="Rows of this session.")
@click.option("--event", "events", multiple=True, metavar="ID", help="This event; may be given again.")
@click.option("--since", type=click.DateTime(), metavar="TIME", help="Rows from this time (UTC) on.")
@click.option("--until", type=click.DateTime(), metavar="TIME", help="Rows up to this time (UTC).")
@click.option("--where", "conditions", multiple=True, metavar="COLUMN=VALUE", help="Rows with this value.")
@click.option("--case", "case_id", metavar="ID", help="The case it is for.")
@_WHY
@_BY
@lake_option
def set_(
    subject: str | None, session: str | None, events: tuple[str, ...], since: datetime | None, until: datetime | None,
    conditions: tuple[str, ...], case_id: str | None, reason: str, by: str, place: Place,
) -> None:  # fmt: skip
    r"""Set a hold on the rows that meet all that is given; prints its id.

    \b
    Example:
      tooltrail lake hold set --subject ana --since 2026-10-01 --reason "case 4711" --by cleo
    """
    from console.keeping import set_hold

    set_hold(place, reason, by, case_id=case_id, subject=subject, session=session, events=events, since=since,
             until=until, conditions=conditions)  # fmt: skip


@hold.command(name="list")
@lake_option
@output_options
def list_(place: Place, output: Output) -> None:
    r"""List the holds in force.

    \b
    Example:
      tooltrail lake hold list
    """
    from console.keeping import list_holds

    list_holds(place, output)


@hold.command()
@click.argument("hold_id", metavar="HOLD")
@_WHY
@_BY
@lake_option
def release(hold_id: str, reason: str, by: str, place: Place) -> None:
    r"""Propose to release a hold; another person approves it with `lake approve`.

    \b
    Example:
      tooltrail lake hold release 3f2a91 --reason settled --by cleo
    """
    from console.keeping import propose_release

    propose_release(place, hold_id, reason, by)


@command.command()
@click.option(
    "--subject", "names", multiple=True, metavar="ID", help="Whom: an id, address or name; may be repeated."
)
@click.option("--reason", metavar="TEXT", help="Why; it is recorded.")
@click.option("--by", metavar="NAME", help="Who proposes it.")
@click.option("--dry-run", is_flag=True, help="Only say where the person is.")
@click.option("--resume", is_flag=True, help="Go on with approved erasures that were interrupted or held.")
@click.option("--replay", is_flag=True, help="Erase again by the ledger, as after records were read again.")
@lake_option
@output_options
def erase(
    *, names: tuple[str, ...], reason: str | None, by: str | None, dry_run: bool, resume: bool, replay: bool,
    place: Place, output: Output,
) -> int:  # fmt: skip
    r"""Propose to erase a person; another person approves it with `lake approve`, which does it.

    Without --by, or with --dry-run, it is only told in which tables the person is, and under which other names.

    \b
    Example:
      tooltrail lake erase --subject ana@corp.example --reason "request 12" --by cleo
    """
    from console.forgetting import erase_person

    return erase_person(place, output, names, reason, by, dry_run=dry_run, resume=resume, replay=replay)


@command.command()
@click.argument("request_id", metavar="REQUEST")
@_BY
@lake_option
@output_options
def approve(request_id: str, by: str, place: Place, output: Output) -> int:
    r"""Approve what another person proposed, and do it: an erasure, the release of a hold, a new key.

    \b
    Example:
      tooltrail lake approve 91c2 --by ben
    """
    from console.forgetting import approve_request

    return approve_request(place, output, request_id, by)


@command.command()
@click.argument("request_id", metavar="REQUEST")
@_BY
@lake_option
def refuse(request_id: str, by: str, place: Place) -> None:
    r"""Refuse what was proposed; nothing is done.

    \b
    Example:
      tooltrail lake refuse 91c2 --by ben
    """
    from console.forgetting import refuse_request

    refuse_request(place, request_id, by)


@command.command()
@lake_option
@output_options
def requests(place: Place, output: Output) -> None:
    r"""List what was proposed, by whom, and what became of it.

    \b
    Example:
      tooltrail lake requests
    """
    from console.forgetting import list_requests

    list_requests(place, output)


@command.command()
@click.argument("folder", metavar="DIR", type=_FOLDER)
@click.option("--with-keys", is_flag=True, help="Also the keys; better is a place of their own.")
@click.option("--check", is_flag=True, help="Only check that the newest backup there is whole.")
@lake_option
def backup(folder: Path, *, with_keys: bool, check: bool, place: Place) -> int:
    r"""Copy the lake as it is now to DIR; what is there already is not copied again.

    \b
    Example:
      tooltrail lake backup /mnt/backup/tooltrail
    """
    from console.keeping import back_up

    return back_up(place, folder, with_keys=with_keys, check=check)


@command.command()
@click.argument("folder", metavar="DIR", type=_FOLDER)
@click.option("--taken", metavar="TIME", help="The backup taken then; else the newest.")
@click.option("--keys", type=_FOLDER, metavar="DIR", help="Where the keys are, if not in the backup.")
@click.option(
    "--ledger", "ledgers", multiple=True, type=click.Path(path_type=Path, exists=True), metavar="FILE|LAKE",
    help="A ledger of erasures and holds made since: a second copy, or a lake. May be repeated.",
)  # fmt: skip
@lake_option
def restore(
    folder: Path, taken: str | None, keys: Path | None, ledgers: tuple[Path, ...], place: Place
) -> int:
    r"""Make a lake of a backup, in a folder that has none; hold again what was held since, and erase who was erased.

    \b
    Example:
      tooltrail lake restore /mnt/backup/tooltrail --lake restored --ledger /mnt/ledger.ndjson
    """
    from console.keeping import restore_lake

    return restore_lake(place, folder, taken, keys, ledgers)
