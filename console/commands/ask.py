"""Ask through the guarded door."""

from __future__ import annotations

from pathlib import Path

import click

from console.options import Place, as_of_option, lake_option, output_options
from console.output import Output


@click.command()
@click.argument("query")
@click.option("--role", required=True, metavar="NAME", help="The role to ask in: [roles.NAME].")
@click.option("--why", metavar="TEXT", help="The case you ask for, or the reason; it is kept.")
@click.option("--stated", metavar="NAME", help="On whose behalf you ask; it is kept beside your own name.")
@click.option(
    "--door", type=click.Path(path_type=Path), envvar="TOOLTRAIL_DOOR", metavar="SOCKET",
    help="The door's socket: else TOOLTRAIL_DOOR, else the lake is opened.",
)  # fmt: skip
@as_of_option
@lake_option
@output_options
def command(
    query: str, role: str, why: str | None, stated: str | None, door: Path | None,
    as_of: str | None, place: Place, output: Output,
) -> None:  # fmt: skip
    r"""Answer one SELECT as far as a role may see, and keep a record of who asked what and why.

    Views, rows, columns, time and memory are those of the role. docs/access.md tells how roles are given.

    \b
    Example:
      tooltrail ask --role support --why CASE-1042 "SELECT tool_name, count(*) FROM tool_calls GROUP BY ALL"
      tooltrail ask --door /run/tooltrail/door.sock --role support --why CASE-1042 "FROM denials" --output csv
    """
    from console.guarded import ask
    from store.door.door import Question

    ask(place, door, Question(query, role, why, stated, as_of), output)
