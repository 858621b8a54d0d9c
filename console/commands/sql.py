"""Answer a question in SQL."""

from __future__ import annotations

from pathlib import Path

import click

from console.options import Place, as_of_option, lake_option, output_options
from console.output import Output
from store.errors import UsageError


@click.command()
@click.argument("query", required=False)
@click.option(
    "--file",
    "file",
    type=click.Path(path_type=Path, exists=True, allow_dash=True),
    help="Read the question from a file, - for stdin.",
)
@as_of_option
@lake_option
@output_options
def command(query: str | None, file: Path | None, as_of: str | None, place: Place, output: Output) -> None:
    r"""Answer one SELECT from one frozen version of the lake; nothing can be changed.

    The version is said on stderr; --as-of asks it again later and gets the same answer.

    \b
    Example:
      tooltrail sql "SELECT tool_name, count(*) AS calls FROM tool_calls GROUP BY ALL ORDER BY calls DESC"
      tooltrail sql "FROM denials" --as-of 12 --output csv --to denials.csv
    """
    from console.asking import ask

    if (query is None) == (file is None):
        raise UsageError(
            "give a question or --file, one of them", hint='tooltrail sql "FROM tool_calls LIMIT 5"'
        )
    question = query if file is None else click.open_file(str(file)).read()
    ask(place.open_to_ask(), place, output, question or "", as_of)
