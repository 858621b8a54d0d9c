"""What a person sets for Kafka reaches the consumer, from a flag, the environment or the file."""

from pathlib import Path
from typing import Any

import pytest

import ingest.kafka
from console.cli import cli
from ingest.kafka import KafkaOptions
from ingest.pending import Counts
from store.errors import UsageError
from store.lake import Lake


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[KafkaOptions]:
    """Take down the options of each consumer that would be started."""
    seen: list[KafkaOptions] = []

    def consume(_pipeline: object, options: KafkaOptions, **_: Any) -> Counts:
        seen.append(options)
        return Counts()

    monkeypatch.setattr(ingest.kafka, "consume", consume)
    return seen


def start(lake: Path, *arguments: str) -> None:
    """Run `tooltrail ingest kafka` in this process."""
    words = ["ingest", "kafka", "--lake", str(lake), "--topic", "calls", "--json-logs", *arguments]
    cli.main(words, standalone_mode=False)


def test_membership_is_set_by_flags_or_the_file(tmp_path: Path, started: list[KafkaOptions]) -> None:
    """Flags come before the file; without either the defaults of the consumer hold."""
    lake = Lake.create(tmp_path / "lake").path
    start(lake)
    (lake / "tooltrail.toml").write_text(
        "[kafka]\ninstance_id = 'one'\nsession_timeout = '45s'\nmax_poll_interval = '10m'\n"
    )
    start(lake)
    start(lake, "--instance-id", "two", "--session-timeout", "1m")
    told = [(o.instance_id, o.session_timeout, o.max_poll_interval) for o in started]
    usual = KafkaOptions(topics=("calls",))
    assert (
        told[0] == (usual.instance_id, usual.session_timeout, usual.max_poll_interval) == (None, 20.0, 300.0)
    )
    assert told[1:] == [("one", 45.0, 600.0), ("two", 60.0, 600.0)]


def test_the_encoding_of_messages_is_set(tmp_path: Path, started: list[KafkaOptions]) -> None:
    """What messages hold is seen by default, and can be said; a name nobody knows is refused."""
    lake = Lake.create(tmp_path / "lake").path
    start(lake)
    start(lake, "--encoding", "otlp_proto")
    with pytest.raises(UsageError, match="encoding"):
        start(lake, "--encoding", "avro")
    assert [options.encoding for options in started] == ["auto", "otlp_proto"]
