"""`tooltrail doctor`: faults as rows, repairs as talk."""

from __future__ import annotations

from dataclasses import asdict

from console.exits import Exit, say
from console.keeping import ages_of
from console.options import Place
from console.output import Output, rows_of
from store.errors import UsageError

_COLUMNS = ("kind", "table", "path", "meaning", "remedy", "mends", "grave")


def examine(place: Place, output: Output, *, repair: bool, step_back: bool, quick: bool) -> int:
    """Print what is wrong, mend it if told to, and return the exit code."""
    from store.keeping import doctor

    if step_back and not repair:
        raise UsageError("--step-back is a way to repair", hint="add --repair")
    ages = ages_of(place)
    if repair:
        ledger = place.settings().keeping.ledger
        done, faults = doctor.repair(place.path.absolute(), ages, step_back_over=step_back, ledger=ledger)
        for one in done:
            say(f"mended     {one.table_name} {one.reason}: {one.detail or ''}".rstrip(": "))
    else:
        faults = doctor.examine(place.path.absolute(), ages, quick=quick)
    if faults or output.chosen != "table":
        output.write(rows_of([{**asdict(f), "path": str(f.path)} for f in faults], _COLUMNS))
    grave = sum(fault.grave for fault in faults)
    said = f"{grave:,} fault{'' if grave == 1 else 's'}" if grave else "no faults"
    mending = sum(fault.mends for fault in faults)
    say(f"{said}{f'; --repair mends {mending:,}' if mending and not repair else ''}")
    return Exit.FAULT_FOUND if grave else Exit.DONE
