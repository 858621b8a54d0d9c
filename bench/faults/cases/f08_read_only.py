"""The volume becomes read-only under a writer, as a disk in trouble does."""

from __future__ import annotations

import subprocess

from bench.faults.fault import Fault, Tally, Trial, settled
from bench.faults.volumes import no_mounts, small


def run(trial: Trial) -> Tally:
    """Remount the volume read-only between two commits; when the writer has stopped, remount it for writing."""
    tally = Tally()
    for number in range(trial.count):
        with small(trial.folder / str(number), 64 << 20) as volume:
            store = volume / "store"
            store.mkdir()
            trial.store.make(store)
            with trial.store.writer(store, 10_000) as writer:
                assert writer.stdout is not None
                said = [writer.stdout.readline() for _ in range(3)]
                while subprocess.run(
                    ["mount", "-o", "remount,ro", volume], check=False, stderr=subprocess.DEVNULL
                ).returncode:
                    pass  # busy: a file is open for writing
                out, _ = writer.communicate(timeout=60)
            subprocess.run(["mount", "-o", "remount,rw", volume], check=True)
            said += out.split()
            tally.add(*settled(trial.store, store, max(int(n) for n in said if n.strip().isdecimal())))
    return tally


FAULT = Fault(
    8,
    "volume becomes read-only",
    "tmpfs remounted under a writer",
    "a loud stop, nothing lost",
    1,
    10,
    run,
    no_mounts,
)
