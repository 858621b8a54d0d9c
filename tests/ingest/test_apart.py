"""A pipeline in a process of its own does what one in ours does, and neither process's end loses or repeats a row."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from lakes import one, record

from ingest.apart import CREDIT, PipelineApart
from ingest.delivery import Batch, Stream
from ingest.loop import IngestOptions, Pipeline
from store.errors import FencedError, TooltrailError, UsageError
from store.lake import Lake

STREAM = Stream("topic", 0, "topic[0]")


def batch(first: int, count: int) -> Batch:
    """Return consecutive records, each at the position that is its number."""
    numbers = range(first, first + count)
    return Batch(STREAM, [record(n) for n in numbers], list(numbers), first + count)


@contextmanager
def pipeline_apart(lake: Lake, **options: object) -> Iterator[PipelineApart]:
    """Start one that stands where the table says."""
    with PipelineApart(lake, IngestOptions(**options)) as pipeline:  # type: ignore[arg-type]
        pipeline.resume(STREAM)
        yield pipeline


def test_rows_and_positions_are_those_of_a_pipeline_in_our_process(lake: Lake) -> None:
    """What was added is durable after a flush, its position told, and its counts those of the flush."""
    with pipeline_apart(lake) as pipeline:
        for first in range(0, 50, 10):
            pipeline.add(batch(first, 10))
        pipeline.add(Batch(STREAM, [b"nonsense"], [50], 51))
        flushed = pipeline.flush()
        assert flushed.positions == {STREAM: 51}
        assert (pipeline.counts.records, pipeline.counts.rows, pipeline.counts.dead) == (51, 50, 1)
        assert pipeline.resume(STREAM) == 51
    assert one(lake, "SELECT count(DISTINCT native_event_id) FROM events") == 50


def test_what_was_not_flushed_is_dropped_and_read_again(lake: Lake) -> None:
    """Closing flushes nothing: the table's position says from where to go on."""
    with pipeline_apart(lake) as pipeline:
        pipeline.add(batch(0, 10))
        pipeline.flush()
        pipeline.add(batch(10, 10))
    with pipeline_apart(lake) as pipeline:
        assert pipeline.resume(STREAM) == 10
        pipeline.add(batch(10, 10))
        pipeline.flush()
    assert one(lake, "SELECT count(*) FROM events") == 20


def test_a_full_buffer_is_told_within_the_credit(lake: Lake) -> None:
    """No more batches than the credit are added beyond the bound."""
    with pipeline_apart(lake, flush_rows=10) as pipeline:
        for number in range(CREDIT + 2):
            pipeline.add(batch(number * 10, 10))
        assert pipeline.is_full()
        assert pipeline.should_flush()
        pipeline.flush()
        assert not pipeline.is_full()


def test_dropped_streams_leave_no_row(lake: Lake) -> None:
    """A stream someone else took over is forgotten, batches under way included."""
    with pipeline_apart(lake) as pipeline:
        pipeline.add(batch(0, 10))
        pipeline.drop([STREAM])
        pipeline.resume(STREAM)
        pipeline.flush()
    assert one(lake, "SELECT count(*) FROM events") == 0


def test_a_fence_is_raised_here_with_its_stream(lake: Lake) -> None:
    """The source must hear which stream another writer took, to read it on from there."""
    with pipeline_apart(lake) as pipeline:
        pipeline.add(batch(0, 10))
        other = Pipeline(Lake.open(lake.path), IngestOptions())
        other.resume(STREAM)
        other.add(batch(0, 5))
        other.flush()
        with pytest.raises(FencedError) as raised:
            pipeline.flush()
        assert raised.value.where == STREAM.transaction
        pipeline.drop([STREAM])
        assert pipeline.resume(STREAM) == 5
        pipeline.add(batch(0, 10))
        pipeline.flush()
    assert one(lake, "SELECT count(*) FROM events") == 10


@pytest.mark.slow
def test_after_a_batch_that_failed_nothing_more_is_done(lake: Lake) -> None:
    """A batch left out must not be followed by a commit that says it was taken in."""
    with pipeline_apart(lake) as pipeline:
        pipeline.add(Batch(Stream("never resumed", 0, "x"), [record(1)], [1], 2))
        with pytest.raises(TooltrailError, match="KeyError"):
            pipeline.flush()
        with pytest.raises(TooltrailError, match="KeyError"):
            pipeline.flush()
    assert one(lake, "SELECT count(*) FROM events") == 0


def test_an_option_that_cannot_be_is_raised_by_the_first_call(lake: Lake) -> None:
    """The same error as in our own process, with its remedy."""
    with PipelineApart(lake, IngestOptions(format="natve")) as pipeline:
        with pytest.raises(UsageError, match="natve") as raised:
            pipeline.resume(STREAM)
        assert "native" in str(raised.value.hint)


def test_the_end_of_the_other_process_is_an_error(lake: Lake) -> None:
    """Killed, it cannot answer: going on would only pretend to take in."""
    with pipeline_apart(lake) as pipeline:
        pipeline.add(batch(0, 10))
        os.kill(pipeline._process.pid, signal.SIGKILL)
        with pytest.raises(TooltrailError, match="ended"):
            pipeline.flush()
    assert one(lake, "SELECT count(*) FROM events") == 0


def test_signals_to_the_group_leave_the_work_to_the_one_that_drains(lake: Lake) -> None:
    """Ctrl-C reaches both processes; the one that reads decides what is still made durable."""
    with pipeline_apart(lake) as pipeline:
        pipeline.add(batch(0, 10))
        for number in (signal.SIGINT, signal.SIGTERM):
            os.kill(pipeline._process.pid, number)
        pipeline.flush()
    assert one(lake, "SELECT count(*) FROM events") == 10
