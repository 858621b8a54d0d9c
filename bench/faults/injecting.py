"""System calls that fail or kill, by strace."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from bench.faults.stores import Store

CALLS = ("fsync", "rename", "link", "linkat", "unlink")
COMMITS = 3


def no_strace() -> str | None:
    """Say why calls cannot be injected here."""
    return None if shutil.which("strace") else "there is no strace"


def under_strace(
    store: Store, folder: Path, inject: str, commits: int = COMMITS
) -> tuple[list[int], int, bool]:
    """Let a writer make some commits; returns acknowledged offsets, exit code, and whether anything was injected."""
    call = inject.partition(":")[0]
    with tempfile.NamedTemporaryFile("r") as trace:
        prefix = ["strace", "-f", "-qq", "-o", trace.name, "-e", f"trace={call}", "-e", f"inject={inject}"]
        with store.writer(folder, commits, prefix) as writer:
            out, _ = writer.communicate()
        hit = any("INJECTED" in line or "DELAYED" in line or "SIGKILL" in line for line in trace)
    return [int(line) for line in out.split() if line.isdecimal()], writer.returncode, hit
