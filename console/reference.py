"""Generate the reference pages from what they describe.

`python -m console.reference` fails when a page is not what would be generated; `--write` writes them all.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from console.cli import cli
from console.configuration import configuration_page
from console.detections_page import detections_page
from console.exits import exit_codes_page, run
from console.formats_page import formats_page
from console.mapping_page import mapping_page
from console.schema_page import schema_page
from ingest.redact import reference as redaction_page

ROOT = Path(__file__).parent.parent
_WIDTH = 100

_INTRODUCTION = """# Command reference

stdout is data and stderr is talk. Every command that prints rows takes
`--output table|json|ndjson|csv|parquet`: a table on a terminal and ndjson in a pipe unless you say otherwise.
Settings are in [configuration](configuration.md), exit codes in [exit codes](exit-codes.md).
"""


def cli_reference() -> str:
    """Return docs/cli.md: the help of every command."""
    pages = [f"\n## {name}\n\n```text\n{text}\n```\n" for name, text in _pages(cli, None, "tooltrail")]
    return _INTRODUCTION + "".join(pages)


def _pages(command: click.Command, parent: click.Context | None, name: str) -> Iterator[tuple[str, str]]:
    context = click.Context(
        command,
        info_name=name,
        parent=parent,
        terminal_width=_WIDTH,
        max_content_width=_WIDTH,
        help_option_names=cli.context_settings["help_option_names"],
    )
    command._help_option = None  # noqa: SLF001 - click keeps the one of whoever asked first, under other names
    yield context.command_path, command.get_help(context).rstrip()
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            assert found is not None
            yield from _pages(found, context, child)


PAGES: list[tuple[str, Callable[[], str]]] = [
    ("docs/cli.md", cli_reference),
    ("docs/configuration.md", configuration_page),
    ("docs/detections.md", detections_page),
    ("docs/exit-codes.md", exit_codes_page),
    ("docs/formats.md", formats_page),
    ("docs/mapping.md", mapping_page),
    ("docs/redaction.md", redaction_page),
    ("docs/schema.md", schema_page),
]


def stale_pages() -> list[str]:
    """Return the pages that are not what would be generated now."""
    return [
        path
        for path, make in PAGES
        if not (ROOT / path).exists() or (ROOT / path).read_text("utf-8") != make()
    ]


@click.command()
@click.option("--write", is_flag=True, help="Write the pages instead of checking them.")
def main(write: bool) -> None:
    """Check that the generated pages are up to date, or write them."""
    for path, make in PAGES if write else []:
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(make(), "utf-8")
    if stale := stale_pages():
        raise click.ClickException(
            f"out of date: {', '.join(stale)}; run python -m console.reference --write"
        )


if __name__ == "__main__":
    sys.exit(run(lambda: main.main(standalone_mode=False)))
