"""Time stamps: each over a checkpoint that the log goes on from, and by an authority of the given certificates."""

from __future__ import annotations

from pathlib import Path

from store.errors import TooltrailError
from store.integrity import stamping
from store.integrity.checks.report import Report
from store.integrity.checks.tree import Tree, check_older
from store.integrity.log import Log


def check_timestamps(log: Log, tree: Tree, ca: Path | None, report: Report) -> None:
    """Check every stamp against the certificates in `ca`; UsageError when those cannot be read."""
    kept = stamping.sizes(log)
    if (failed := stamping.failure_of(log)) is not None:
        report.uncovered.append(f"a time stamp since {failed.time:%Y-%m-%d %H:%M} UTC: {failed.why}")
    for size in kept:
        if stamping.checkpoint_of(log, size).exists():
            check_older(tree, stamping.checkpoint_of(log, size), report)
    if not kept:
        return
    if ca is None:
        report.uncovered.append(
            f"{len(kept)} time stamps: the authority's certificates are needed (--tsa-ca, integrity.tsa_ca)"
        )
        return
    roots = stamping.certificates(ca)
    good = []
    for size in kept:
        token = stamping.token_of(log, size)
        try:
            note = stamping.checkpoint_of(log, size).read_bytes()
            good.append(
                stamping.Stamped(size, stamping.check(token.read_bytes(), note, roots, where=str(token)))
            )
        except TooltrailError as error:
            report.fault("timestamp", token, error.message)
        except OSError as error:
            report.fault("timestamp", token, f"the stamp or its checkpoint cannot be read: {error.strerror}")
    report.covered["timestamps"] = len(good)
    report.stamped = sorted(good, key=lambda one: one.size)
