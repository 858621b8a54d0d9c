"""Run the sources for `tooltrail ingest`: settings in, a pipeline, a reporter, an exit that says what failed."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from console.ingesting import Moment, Reporter, stop_on_signal
from console.metrics import Metrics
from console.options import Place, ingest_options
from console.unread import unread_advice
from ingest.apart import PipelineApart
from ingest.files import find_files, ingest_files, ingest_stream
from ingest.follow import Follower
from ingest.loop import Flushed, IngestOptions, Pipeline
from store.errors import TooltrailError, UsageError
from store.integrity.idle import attended

if TYPE_CHECKING:
    from ingest.kafka import Progress
    from ingest.otlp_server import Progress as OtlpProgress
    from store.lake import Lake
    from store.settings import Settings

P = TypeVar("P", Pipeline, PipelineApart)

_FLAGS = {
    "format_id": "ingest.format", "adapters": "ingest.adapters", "flush_rows": "ingest.flush_rows",
    "flush_seconds": "ingest.flush_seconds", "metrics_listen": "metrics.listen",
    "bootstrap_servers": "kafka.bootstrap_servers", "topics": "kafka.topics", "group": "kafka.group",
    "start": "kafka.start", "instance_id": "kafka.instance_id", "session_timeout": "kafka.session_timeout",
    "encoding": "kafka.encoding", "listen": "otlp.listen", "listener": "otlp.listener", "token_file": "otlp.token_file",
    "tls_cert": "otlp.tls_cert", "tls_key": "otlp.tls_key", "client_ca": "otlp.client_ca",
    "commit_interval": "otlp.commit_interval",
}  # fmt: skip


@dataclass
class _Run(Generic[P]):
    """One ingest: where it goes, how it was set, and what shows it."""

    lake: Lake
    settings: Settings
    pipeline: P
    reporter: Reporter
    output: str | None
    stop: threading.Event
    version: int | None = None

    def __post_init__(self) -> None:
        self._began = time.monotonic()
        self.started = datetime.now(UTC)

    def flushed(self, flush: Flushed) -> None:
        """Show the state after a flush."""
        self.version = flush.version
        self.reporter.show(self.moment())

    def moment(self) -> Moment:
        """Return the state now."""
        seconds = max(time.monotonic() - self._began, 1e-9)
        return Moment(self.pipeline.counts, self.pipeline.counts.records / seconds, self.version)


@contextmanager
def _run(
    options: Mapping[str, Any], source: str, begin: Callable[[Lake, IngestOptions], P]
) -> Iterator[_Run[P]]:
    place: Place = options["place"]
    flags = {name: options.get(flag) or None for flag, name in _FLAGS.items()}
    settings = place.settings(flags)
    lake = place.open()
    with ExitStack() as open_things:
        metrics = Metrics(settings.metrics.listen) if settings.metrics.listen else None
        if metrics is not None:
            open_things.callback(metrics.close)
        reporter = Reporter(json_logs=options["json_logs"], metrics=metrics)
        stop = open_things.enter_context(stop_on_signal(reporter.say))
        pipeline = begin(lake, ingest_options(settings))
        if isinstance(pipeline, PipelineApart):
            open_things.enter_context(pipeline)
        open_things.enter_context(attended(lake.log, source, reporter.say))
        yield _Run(lake, settings, pipeline, reporter, options["output"], stop)


def run_files(paths: tuple[str, ...], follow: bool, options: Mapping[str, Any]) -> None:
    """Take in files once, or follow them."""
    with _run(options, "files", Pipeline) as run:
        limit = run.settings.ingest.max_record_bytes
        if follow:
            Follower(run.lake, run.pipeline, paths, limit).run(run.flushed, run.stop)
            run.reporter.finish(run.moment(), run.output)
            return
        report = ingest_files(run.lake, run.pipeline, find_files(paths), limit, run.flushed, run.stop)
        for error in report.failed:
            run.reporter.say(f"error: {error}")
        run.reporter.finish(run.moment(), run.output, {"files": report.files, "failed": len(report.failed)})
        _tell_dead(run)
        if report.failed:
            raise TooltrailError(f"{len(report.failed)} of {report.files} files could not be read to the end")


def run_stdin(options: Mapping[str, Any]) -> None:
    """Take in standard input."""
    if sys.stdin.isatty():
        raise UsageError("nothing is piped in", hint="tooltrail ingest stdin < FILE")
    with _run(options, "stdin", Pipeline) as run:
        limit = run.settings.ingest.max_record_bytes
        ingest_stream(run.pipeline, sys.stdin.buffer, limit, run.flushed, run.stop)
        run.reporter.finish(run.moment(), run.output)
        _tell_dead(run)


def run_kafka(exit_at_end: bool, options: Mapping[str, Any]) -> None:
    """Take in Kafka topics until stopped."""
    from ingest.kafka import KafkaOptions, consume

    with _run(options, "Kafka", PipelineApart) as run:
        kafka = run.settings.kafka
        if not kafka.topics:
            raise UsageError("no topic to read", hint="--topic NAME, or kafka.topics in tooltrail.toml")
        chosen = KafkaOptions(
            topics=kafka.topics, bootstrap_servers=kafka.bootstrap_servers, group=kafka.group,
            client_id=kafka.client_id, instance_id=kafka.instance_id,
            start="latest" if kafka.start == "latest" else "earliest", encoding=kafka.encoding,
            session_timeout=kafka.session_timeout, max_poll_interval=kafka.max_poll_interval,
            until_caught_up=exit_at_end, client=kafka_client(run.settings),
        )  # fmt: skip
        last: list[Progress] = []
        consume(run.pipeline, chosen, stop=run.stop, on_progress=_shower(run, last), say=run.reporter.say)
        run.reporter.finish(_moment(run, last[-1]) if last else run.moment(), run.output)
        _tell_dead(run)


def run_otlp(options: Mapping[str, Any]) -> None:
    """Receive OTLP until stopped."""
    from console.receiving import moment_of, otlp_options
    from ingest.otlp_server import receive

    with _run(options, "OTLP", Pipeline) as run:
        chosen = otlp_options(run.settings.otlp)
        last: list[Moment] = [run.moment()]

        def show(progress: OtlpProgress) -> None:
            last[:] = [moment_of(progress)]
            run.reporter.show(last[0])

        first = [run.pipeline]
        run.pipeline.counts = receive(
            run.lake,
            lambda: first.pop() if first else Pipeline(run.lake, ingest_options(run.settings)),
            chosen,
            stop=run.stop,
            say=run.reporter.say,
            on_progress=show,
        )
        moment = replace(last[0], events_per_second=run.moment().events_per_second, note=None)
        run.reporter.finish(moment, run.output, {"requests": sum(moment.answered.values())})
        _tell_dead(run)


def _shower(run: _Run[PipelineApart], last: list[Progress]) -> Callable[[Progress], None]:
    def show(progress: Progress) -> None:
        last[:] = [progress]
        run.reporter.show(_moment(run, progress))

    return show


def _moment(run: _Run[PipelineApart], progress: Progress) -> Moment:
    age = "" if progress.commit_age is None else f"last commit {progress.commit_age:.0f} s ago"
    note = progress.trouble or ("paused: flushing" if progress.paused else age)
    lost = sum(gap.last - gap.first + 1 for gap in progress.gaps)
    return Moment(
        run.pipeline.counts, progress.events_per_second, progress.version, progress.lag_total, lost, note
    )


def kafka_client(settings: Settings) -> dict[str, Any]:
    """Return TLS and SASL settings under kafka-python's names."""
    kafka = settings.kafka
    given = {
        "security_protocol": kafka.security_protocol, "sasl_mechanism": kafka.sasl_mechanism,
        "sasl_plain_username": kafka.sasl_username, "sasl_plain_password": kafka.sasl_password,
        "ssl_cafile": _text(kafka.ssl_cafile), "ssl_certfile": _text(kafka.ssl_certfile),
        "ssl_keyfile": _text(kafka.ssl_keyfile), "ssl_password": kafka.ssl_password,
        "ssl_check_hostname": kafka.ssl_check_hostname,
    }  # fmt: skip
    return {name: value for name, value in given.items() if value is not None}


def _text(path: object) -> str | None:
    return None if path is None else str(path)


def _tell_dead(run: _Run[Any]) -> None:
    if run.pipeline.counts.dead:
        run.reporter.say(
            f"{run.pipeline.counts.dead:,} records became dead letters: `tooltrail deadletters list` says why"
        )
        if (advice := unread_advice(run.lake, run.started)) is not None:
            run.reporter.say(advice)
