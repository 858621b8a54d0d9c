"""Every format with a sample and every mapping file that is shown: events into the lake, and recognising them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from bench.measure import apart, interleaved
from bench.options import Options
from bench.samples import golden_formats, multiply, sample_records
from bench.table import Row, at_least, at_most
from ingest.catalog import load_adapters

SUMMARY = "each format from its sample into the lake on one core, and the share of recognising it"
EVENTS = 40_000
RATE = 25_000
SHARE = 5.0
MAPPING = Path(__file__).parents[2] / "docs" / "mapping.md"
_EXAMPLES = re.compile(r"`(\w+)\.toml`(?:(?!```).)*```toml\n(.*?)```\n\n```json\n(.*?)```", re.DOTALL)


def run(options: Options) -> Iterator[Row]:
    """Yield two rows a format, those that hold many events a record counted by events."""
    count = min(options.events // 5, EVENTS)
    for name in golden_formats():
        yield from _measured(options, name, sample_records(name), count, ())
    for name, mapping, lines in _EXAMPLES.findall(MAPPING.read_text("utf-8")):
        folder = options.work / f"mapping-{name}"
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.toml").write_text(mapping)
        yield from _measured(options, name, lines.encode().splitlines(), count, (folder,))


def _measured(
    options: Options, name: str, records: Sequence[bytes], count: int, adapters: Sequence[Path]
) -> Iterator[Row]:
    file = options.work / f"format-{name}.log"
    with file.open("wb") as out:
        out.writelines(raw + b"\n" for raw in multiply(records, load_adapters(adapters)[name], count))
    folders = [str(folder) for folder in adapters]
    found = interleaved(options.rounds, {
        "ingest": partial(apart, "bench.lakes:ingest", files=[str(file)], lake=str(options.work / "lake"),
                          adapters=folders),
        "detect": partial(apart, "bench.cases.detection:detect", files=[str(file)], adapters=folders),
    })  # fmt: skip
    ingest, detect = found["ingest"], found["detect"]
    if ingest.last["rows"] != ingest.events:
        raise RuntimeError(
            f"{name}: {ingest.events - ingest.last['rows']} records have the identity of another"
        )
    size = file.stat().st_size / ingest.last["rows"]
    file.unlink()
    rate = ingest.last["rows"] / min(ingest.cpu)
    yield Row(f"format, {name}, {size:.0f} B, per CPU second", "/s", rate, targets=(at_least(RATE),))
    share = 100 * min(detect.cpu) / min(ingest.cpu)
    yield Row(f"format, {name}, detection, share of ingest", "%", share, targets=(at_most(SHARE),))
