"""Feed mutated bytes to every adapter: python fuzz_target.py SECONDS [FOLDER]; the exit code is 0 if all went well.

The first byte of an input chooses the adapter, the rest are its records, one a line. Inputs that reached new code are
what the next are made from (libFuzzer, by way of atheris); the samples are the first. What breaks is written to the
folder as crash-*, and read again when its name is given instead of SECONDS.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from types import FunctionType

ROOT = Path(__file__).parents[3]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(Path(__file__).parent)]

import atheris  # noqa: E402
from test_every_adapter import check, check_rejects, samples  # noqa: E402

from ingest.catalog import Detector, load_adapters  # noqa: E402

LONGEST = 4096
SECONDS_EACH = 5
MEGABYTES = 256
MAPPING = """
summary = "fuzzed"
absent = ["-"]
[recognise]
keys = ["a"]
[columns]
event_time = { from = ["a", "b.c"], unit = "ms" }
issued_at = "i"
duration_ms = { from = "d", unit = "us" }
http_status = "h.s"
request_bytes = { from = "r", unit = "KiB" }
user_groups = { from = "g", split = "," }
delegation = "on"
user_id = { from = ["u.sub", "u"] }
server_name = { from = "t", before = "__" }
tool_name = { from = "t", after = "__" }
trace_id = { from = "tp", part = "trace_id" }
decision = { from = "v", words = { true = "allow" }, otherwise = "unknown" }
outcome = "o"
arguments = "p.arguments"
result = "l.0.x"
session_id = '"s.id"'
[[when]]
from = "h.s"
is = [403]
set = { decision = "deny" }
"""
MORE = """
summary = "fuzzed"
extends = "agentgateway"
[recognise]
keys = ["listener"]
[columns]
gateway_name = { from = ["route", "listener"] }
issued_at = { from = "listener.x", unit = "ns" }
user_name = '"http.host".a.b'
"""
SEED = (
    b'{"a":1,"b":{"c":2},"i":"2026-08-21T10:00:00Z","d":3,"h":{"s":403},"r":4,"g":"x,y","on":[{"sub":"z"}],'
)
SEED += b'"u":{"sub":"ann"},"t":"gh__t","tp":"00-1-2-3","v":true,"o":"success","p":{"arguments":{}},"l":[{"x":1}]}'


def adapters_and_seeds(folder: Path) -> tuple[list[str], dict[str, list[bytes]]]:
    """Return the adapters' ids and what to begin with; three mapping files are among them."""
    (folder / "fuzzed.toml").write_text(MAPPING)
    text = MAPPING.replace("[recognise]", 'records = "logfmt"\n[recognise]')
    (folder / "fuzzed_text.toml").write_text(text)
    (folder / "fuzzed_more.toml").write_text(MORE)
    names = sorted(load_adapters([folder]))
    seeds = {name: samples(name) for name in names if not name.startswith("fuzzed")}
    text_seed = b"a=1 d=12ms t=gh__t v=true h.s=403"
    return names, seeds | {
        "fuzzed": [SEED],
        "fuzzed_text": [text_seed],
        "fuzzed_more": samples("agentgateway"),
    }


def main() -> None:
    """Fuzz until the time is up."""
    place = tempfile.mkdtemp(prefix="tooltrail-fuzz-")
    out = Path(sys.argv[2] if len(sys.argv) > 2 else place)
    names, seeds = adapters_and_seeds(Path(place))
    adapters = load_adapters([Path(place)])
    detector = Detector(adapters)
    corpus = Path(place) / "corpus"
    corpus.mkdir()
    for number, name in enumerate(names):
        for at, raw in enumerate(seeds[name]):
            (corpus / f"{name}-{at}").write_bytes(bytes([number]) + raw)

    def one(data: bytes) -> None:
        if not data:
            return
        name = names[data[0] % len(names)]
        records = [r for r in data[1:].split(b"\n") if r] or [b""]
        parsed = adapters[name].parse(records)
        if name != "native":  # there the record states the words, and the pipeline checks them
            check(parsed, len(records))
        check_rejects(parsed)
        for found, raw in zip(detector.formats(records), records, strict=True):
            assert found in adapters or detector.why_not(raw)

    _instrument()
    run = [f"-max_total_time={sys.argv[1]}", str(corpus)] if sys.argv[1].isdigit() else [sys.argv[1]]
    limits = [f"-max_len={LONGEST}", f"-timeout={SECONDS_EACH}", f"-rss_limit_mb={MEGABYTES}"]
    atheris.Setup(
        [sys.argv[0], *run, *limits, f"-artifact_prefix={out}{os.sep}", "-print_final_stats=1"], one
    )
    atheris.Fuzz()


def _instrument() -> None:
    """Let the fuzzer see which code an input reaches: adapters are loaded from their files, past its import hook."""
    for name, module in list(sys.modules.items()):
        if name.startswith("ingest."):
            for thing in vars(module).values():
                if isinstance(thing, FunctionType) and thing.__module__ == name:
                    atheris.instrument_func(thing)


if __name__ == "__main__":
    main()
