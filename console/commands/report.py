"""Write reports: pages to hand on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from console.options import Place, as_of_option, lake_option, output_options
from console.output import Output
from reports.catalog import Report, load, names


class Reports(click.Group):
    """The group whose commands are the reports there are."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names of all reports."""
        return names()

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Return the command of a report; None when there is none of that name."""
        return _command(cmd_name, load(cmd_name)) if cmd_name in names() else None


@click.group(cls=Reports)
def command() -> None:
    r"""Write a report: one HTML page that fetches nothing, with its tables as CSV and JSON beside it.

    \b
    Example:
      tooltrail report weekly --out reports
    """


def _command(name: str, about: Report) -> click.Command:
    """Return the command that writes one kind of report."""

    @click.option("--out", "folder", type=click.Path(path_type=Path, file_okay=False), default=Path("reports"),
                  show_default=True, metavar="DIR", help="The folder to write into.")  # fmt: skip
    @click.option("--since", metavar="TIME", help="From this time on (UTC).")
    @click.option("--until", metavar="TIME", help="Before this time (UTC).")
    @click.option(
        "--server", "servers", multiple=True, metavar="PATTERN", help="Reviews: only grants on these servers."
    )
    @click.option(
        "--principal", "principals", multiple=True, metavar="PATTERN", help="Reviews: only grants to these."
    )
    @click.option("--pdf", is_flag=True, help="Also as PDF; needs `pip install 'tooltrail[pdf]'`.")
    @as_of_option
    @lake_option
    @output_options
    def run(
        *, folder: Path, since: str | None, until: str | None, servers: tuple[str, ...], principals: tuple[str, ...],
        pdf: bool, as_of: str | None, place: Place, output: Output, subject: str | None = None,
    ) -> None:  # fmt: skip
        from console.reporting import report, request

        asked = request(place, subject, since, until, as_of, servers, principals)
        report(place, name, asked, folder, output, pdf=pdf)

    decorated: Any = run
    if about.subject:
        decorated = click.argument("subject", metavar=about.subject, required=about.subject_needed)(run)
    parts = (about.summary, about.more, f"\b\nExample:\n  {about.example}")
    return click.command(name=name, help="\n\n".join(filter(None, parts)))(decorated)
