"""Telling formats apart, and looking for secrets: what both cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from bench.lakes import simulated
from bench.measure import Clock, Samples, apart, interleaved, timed
from bench.options import Options
from bench.table import Row, at_most

SUMMARY = "format detection as a share of ingest, and the search for secrets"
SHARE = 5.0
PIECE = 512
BLOCK = 16_384
SAMPLE = 2000
"""Records given to the plain regular expressions, which are far slower."""


def run(options: Options) -> Iterator[Row]:
    """Yield detection's share for one format and for lines of all formats shuffled together, and scan rates."""
    native = [str(file) for file in simulated(options.work / "native-1", options.events, ("native",))]
    mixed = [str(file) for file in simulated(options.work / "mixed-1", options.events)]
    lake = str(options.work / "lake")
    for name, files in (("native", native), ("five formats", mixed)):
        found = interleaved(options.rounds, {
            "detect": partial(apart, "bench.cases.detection:detect", files=files),
            "ingest": partial(apart, "bench.lakes:ingest", files=files, lake=lake),
        })  # fmt: skip
        per_event = min(found["detect"].cpu) / found["detect"].events
        whole = min(found["ingest"].cpu) / found["detect"].events
        share = 100 * per_event / whole
        yield Row(f"detection, {name}, share of ingest", "%", share, targets=(at_most(SHARE),))
    found = interleaved(options.rounds, {
        "ours": partial(apart, "bench.cases.detection:scan", file=native[0]),
        "plain": partial(apart, "bench.cases.detection:scan_plainly", file=native[0]),
    })  # fmt: skip
    ours, plain = (_megabytes(found[name]) for name in ("ours", "plain"))
    yield Row("secrets, search of raw records", "MB/s", ours, plain, "one by one")


def _megabytes(samples: Samples) -> float:
    return int(samples.last["bytes"]) / 1e6 / min(samples.cpu)


def detect(files: list[str], adapters: Sequence[str] = ()) -> dict[str, Any]:
    """Tell the format of every record, as the pipeline does: some hundred records at a time."""
    from ingest.catalog import Detector, load_adapters

    detector = Detector(load_adapters(map(Path, adapters)))
    clock, records = Clock(), 0
    for file in files:
        lines = Path(file).read_bytes().splitlines()
        records += len(lines)
        with clock.running():
            for start in range(0, len(lines), PIECE):
                if None in detector.formats(lines[start : start + PIECE]):
                    raise RuntimeError(f"{file}: a record was not recognised")
    return timed(clock, records)


def scan(file: str) -> dict[str, Any]:
    """Look for secrets in whole records, a block at a time."""
    from ingest.redact import Redactor

    lines = Path(file).read_bytes().splitlines()
    redactor = Redactor(bytes(32))
    clock, found = Clock(), 0
    with clock.running():
        for start in range(0, len(lines), BLOCK):
            found += int(redactor.suspects(lines[start : start + BLOCK]).sum())
    return timed(clock, len(lines), bytes=sum(map(len, lines)), found=found)


def scan_plainly(file: str) -> dict[str, Any]:
    """Look for secrets in each record by itself: what the search costs without a filter over many records."""
    from ingest import secrets

    lines = Path(file).read_bytes().splitlines()[:SAMPLE]
    texts = [line.decode() for line in lines]
    clock, found = Clock(), 0
    with clock.running():
        for text in texts:
            found += any(True for _ in secrets.find(text))
    return timed(clock, len(lines), bytes=sum(map(len, lines)), found=found)
