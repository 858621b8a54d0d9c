"""Where the time of an ingest goes: python -m bench.stages [--events N] [--format NAME].

Each stage is a function of the pipeline, wrapped to add up its CPU time less that of the stages inside it. It is one
ingest in a process of its own on one core.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from bench.lakes import ingest, simulated
from bench.measure import apart

STAGES = (
    ("read: file", "ingest.files:Reader.read"),
    ("read: cut into lines", "ingest.framing:LineCutter.feed"),
    ("detect the format", "ingest.catalog:Detector.formats"),
    ("columns: everything else", "ingest.rows:RowBuilder.build"),
    ("parse: values to columns", "ingest.rows:read_block"),
    ("parse: values to columns", "ingest.loop:read_block"),
    ("parse: JSON to values", "ingest.loop:load_adapters"),
    ("redact: search", "ingest.redact:Redactor.suspects_in"),
    ("redact: replace", "ingest.redact:Redactor.json"),
    ("redact: replace", "ingest.redact:Redactor.text"),
    ("fingerprint", "ingest.fingerprint:Fingerprinter.fingerprint"),
    ("content as documents", "ingest.content:Contents.of"),
    ("content as documents", "ingest.content:kept"),
    ("digests and keys", "ingest.content:argument_digests"),
    ("digests and keys", "ingest.content:digests"),
    ("identify", "ingest.rows:_identify"),
    ("known already?", "ingest.seen:Seen.fresh"),
    ("sort", "store.datafile:sorted_places"),
    ("parquet", "store.datafile:_parquet"),
    ("key index", "store.datafile:key_index"),
    ("files: hash, write, fsync", "store.lake:Lake.append"),
    ("commit", "store.commit:commit"),
)
"""What is measured, by name; a function that a later version no longer has falls into the stage around it."""

REST = "everything else"


class Stages:
    """CPU seconds by stage. Only the thread that ingests opens stages; other threads' time falls into the open one."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._open: list[str] = [REST]
        self._since = time.process_time()
        self._thread = threading.get_ident()

    def _switch(self) -> None:
        now = time.process_time()
        self.seconds[self._open[-1]] += now - self._since
        self._since = now

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the block as a stage."""
        if threading.get_ident() != self._thread:
            yield
            return
        self._switch()
        self._open.append(name)
        try:
            yield
        finally:
            self._switch()
            self._open.pop()

    def around(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function, counted as a stage."""

        def counted(*values: Any, **named: Any) -> Any:
            with self.stage(name):
                return function(*values, **named)

        return counted

    def around_adapters(self, name: str, load: Callable[..., Any]) -> Callable[..., Any]:
        """Return load_adapters with each adapter's own parser counted."""

        def loaded(*values: Any) -> Any:
            return {
                id_: dataclasses.replace(adapter, parse=self.around(name, adapter.parse))
                for id_, adapter in load(*values).items()
            }

        return loaded


def run(events: int, format_id: str) -> dict[str, Any]:
    """Ingest a simulated file and return CPU seconds by stage, and the events."""
    with tempfile.TemporaryDirectory() as work:
        files = [str(file) for file in simulated(Path(work) / "logs", events, (format_id,))]
        stages = Stages()
        with _wrapped(stages):
            done = ingest(files, str(Path(work) / "lake"))
    seconds = {name: spent for name, spent in stages.seconds.items() if name != REST}
    seconds[REST] = max(0.0, done["cpu"] - sum(seconds.values()))
    return {"events": done["events"], "seconds": seconds}


@contextmanager
def _wrapped(stages: Stages) -> Iterator[None]:
    patches = []
    for name, target in STAGES:
        module, path = target.split(":")
        owner: Any = importlib.import_module(module)
        *outer, last = path.split(".")
        for part in outer:
            owner = getattr(owner, part, None)
        function = getattr(owner, last, None)
        if function is None:
            continue
        around = stages.around_adapters if last == "load_adapters" else stages.around
        wrap = around(name, function)
        patches.append(mock.patch.object(owner, last, wrap))
    for patch in patches:
        patch.start()
    try:
        yield
    finally:
        for patch in patches:
            patch.stop()


def table(seconds: dict[str, float], events: int) -> str:
    """Return the stages as a Markdown table, the largest first."""
    whole = sum(seconds.values())
    lines = [f"| {'stage':28} | us per event | share |", f"|{'-' * 30}|-------------:|------:|"]
    lines += [
        f"| {name:28} | {spent / events * 1e6:12.2f} | {100 * spent / whole:4.1f}% |"
        for name, spent in sorted(seconds.items(), key=lambda item: -item[1])
    ]
    lines.append(f"| {'together':28} | {whole / events * 1e6:12.2f} |  100% |")
    return "\n".join(lines)


def main() -> None:
    """Run one ingest on one core and print its stages."""
    parser = argparse.ArgumentParser(prog="python -m bench.stages")
    parser.add_argument("--events", type=int, default=200_000, metavar="N")
    parser.add_argument("--format", default="native", metavar="NAME")
    arguments = parser.parse_args()
    found = apart("bench.stages:run", events=arguments.events, format_id=arguments.format)
    print(table(found["seconds"], found["events"]))


if __name__ == "__main__":
    main()
