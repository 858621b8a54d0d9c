"""Verify that a lake is what was committed."""

from __future__ import annotations

from pathlib import Path

import click

from console.options import Place, lake_option


@click.command()
@click.option("--since", metavar="ENTRY|TIME|last", help="Read only files added since; else all of them.")
@click.option(
    "--checkpoint", "checkpoints", multiple=True, type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE", help="A checkpoint of this log that was kept elsewhere. Can be given more than once.",
)  # fmt: skip
@click.option(
    "--witness", "witnesses", multiple=True, metavar="KEY", help="A witness that must have signed. Repeatable.",
)  # fmt: skip
@click.option(
    "--tsa-ca", type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="FILE",
    help="Certificates that time stamps must lead to; else integrity.tsa_ca.",
)  # fmt: skip
@click.option(
    "--digest", "digests", multiple=True, type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE", help="Lines of `tooltrail digest --output ndjson` that were kept elsewhere. Repeatable.",
)  # fmt: skip
@click.option("--jobs", type=click.IntRange(min=1), metavar="N", help="Processes; else one for each core.")
@click.option(
    "--output", type=click.Choice(("text", "json")), default="text", help="How to print the report."
)
@lake_option
def command(
    *,
    since: str | None,
    checkpoints: tuple[Path, ...],
    witnesses: tuple[str, ...],
    tsa_ca: Path | None,
    digests: tuple[Path, ...],
    jobs: int | None,
    output: str,
    place: Place,
) -> int:
    r"""Check every claim about the lake against its files, and report all faults.

    The transparency log by itself, each commit against its entry and each entry against its commit, each file against
    its digest, each event against its leaf, the roots of all streams, and positions without holes. What is not covered
    is said. Exit code 4 when there is a fault.

    \b
    Example:
      tooltrail verify
      tooltrail verify --since last --output json
      tooltrail verify --checkpoint /mnt/elsewhere/checkpoint
    """
    from console import verifying

    return verifying.verify(
        place, since, checkpoints, witnesses, jobs, tsa_ca=tsa_ca, digests=digests, as_json=output == "json"
    )
