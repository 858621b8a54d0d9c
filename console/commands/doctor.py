"""Look for what is wrong with a lake on disk, and mend it."""

from __future__ import annotations

import click

from console.options import Place, lake_option, output_options
from console.output import Output


@click.command()
@click.option("--repair", is_flag=True, help="Mend what can be mended; else only look.")
@click.option(
    "--step-back", is_flag=True, help="With --repair, also give up the commits after one that is gone."
)
@click.option("--quick", is_flag=True, help="Do not read the files' bytes.")
@lake_option
@output_options
def command(*, repair: bool, step_back: bool, quick: bool, place: Place, output: Output) -> int:
    r"""Look for what is wrong with a lake on disk, and mend it.

    Torn commits, broken checkpoints, files that are gone or not what was written, lost indexes, interrupted erasures.
    What is mended is recorded, what is damaged is set aside, and what was lost is read again from its source where it
    can be. Exit code 4 when a fault remains.

    \b
    Example:
      tooltrail doctor
      tooltrail doctor --repair
    """
    from console.examining import examine

    return examine(place, output, repair=repair, step_back=step_back, quick=quick)
