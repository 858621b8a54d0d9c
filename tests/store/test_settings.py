"""One configuration: where a value comes from, and what is said when it is wrong."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.configuration import starter_toml
from store.errors import UnreachableError, UsageError
from store.settings import FACTS, find_file, load
from store.units import key_lines, parse_duration, parse_size, show_size


def write(folder: Path, text: str) -> Path:
    """Write a tooltrail.toml."""
    file = folder / "tooltrail.toml"
    file.write_text(text)
    return file


def origin(settings: object, name: str) -> str:
    """Return where a setting came from."""
    return next(e.origin for e in settings.effective() if e.name == name)


def test_flag_before_environment_before_file_before_default(tmp_path: Path) -> None:
    """Each setting comes from the first place that has it, and says which."""
    file = write(tmp_path, "[ingest]\nflush_rows = 1\nflush_seconds = '2s'\nflush_bytes = '1MiB'\n")
    environ = {"TOOLTRAIL_INGEST_FLUSH_ROWS": "10", "TOOLTRAIL_INGEST_FLUSH_SECONDS": "3s"}
    settings = load(file, environ, {"ingest.flush_rows": 100, "ingest.format": None})
    assert (settings.ingest.flush_rows, settings.ingest.flush_seconds, settings.ingest.flush_bytes) == (
        100,
        3.0,
        1 << 20,
    )
    names = ("ingest.flush_rows", "ingest.flush_seconds", "ingest.flush_bytes", "ingest.dedupe_window")
    assert [origin(settings, name) for name in names] == [
        "flag", "TOOLTRAIL_INGEST_FLUSH_SECONDS", "tooltrail.toml:4", "default",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "line", "parts"),
    [
        ("[ingest]\n\nflush_row = 3\n", 3, ["'flush_row'", "did you mean flush_rows?"]),
        ("[ingets]\nflush_rows = 3\n", 1, ["'ingets'", "did you mean ingest?"]),
        ("[query]\ntopics = ['a']\n", 2, ["[query] has no 'topics'", "[kafka]"]),
        (
            "[ingest]\nflush_rows = 'many'\n",
            2,
            ["ingest.flush_rows", "a whole number of at least 1", "'many'"],
        ),
        ("[ingest]\nflush_rows = true\n", 2, ["a whole number", "True"]),
        ("[ingest]\nflush_bytes = '12 parsecs'\n", 2, ["128MiB", "'12 parsecs'"]),
        ("[ingest]\nflush_seconds = 0\n", 2, ["above zero"]),
        ("[kafka]\nstart = 'middle'\n", 2, ["one of earliest, latest", "'middle'"]),
        ("[metrics]\nlisten = 'nowhere'\n", 2, ["host:port"]),
        ("[content]\n# keep_arguments = 1\nkeep_arguments = 3\n", 3, ["true or false"]),
        ("kafka.group = ''\n", 1, ["kafka.group"]),
        ("kafka = { group = 3 }\n", 1, ["kafka.group"]),
        ("ingest = 5\n", 1, ["is a section"]),
        ("[kafka]\ntopics = [\n 'a',\n 3,\n]\n", 2, ["kafka.topics"]),
        ("[ingest]\nflush_rows = = 3\n", 2, ["not TOML"]),
    ],
)
def test_a_wrong_file_names_line_value_and_remedy(
    tmp_path: Path, text: str, line: int, parts: list[str]
) -> None:
    """An operator is told where, what was wrong, what was expected and what was meant."""
    file = write(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        load(file, {})
    assert caught.value.where == f"{file}:{line}"
    assert [p for p in parts if p not in str(caught.value)] == []


def test_a_secret_is_never_shown(tmp_path: Path) -> None:
    """Neither the listing nor an error repeats a password."""
    settings = load(None, {"TOOLTRAIL_KAFKA_SASL_PASSWORD": "hunter2"})
    assert {e.shown for e in settings.effective() if e.secret} == {"set", ""}
    with pytest.raises(UsageError) as caught:
        load(write(tmp_path, "[kafka]\nsasl_password = [ 'hunter2' ]\n"), {})
    assert "hunter2" not in str(caught.value)


def test_a_misspelt_variable_is_refused() -> None:
    """Silence would leave the default in force; other TOOLTRAIL_ variables are none of its business."""
    load(None, {"TOOLTRAIL_LAKE": "x", "TOOLTRAIL_DEBUG": "1", "TOOLTRAIL_SITE_KEY": "x", "PATH": "x"})
    with pytest.raises(UsageError, match="TOOLTRAIL_KAFKA_TOPICS"):
        load(None, {"TOOLTRAIL_KAFKA_TOPIC": "a"})


def test_an_empty_variable_is_not_set() -> None:
    """Compose files pass variables on whether or not they are set."""
    assert load(None, {"TOOLTRAIL_KAFKA_GROUP": ""}).kafka.group == "tooltrail"


def test_lists_in_the_environment_and_paths_beside_the_file(tmp_path: Path) -> None:
    """Lists are separated by commas; a relative path starts from the folder of the file it stands in."""
    assert load(None, {"TOOLTRAIL_KAFKA_TOPICS": "a, b"}).kafka.topics == ("a", "b")
    file = write(tmp_path, "[ingest]\nadapters = ['mine']\n[kafka]\nssl_cafile = '/etc/ca.pem'\n")
    assert load(file, {}).ingest.adapters == (tmp_path / "mine",)
    assert load(file, {}).kafka.ssl_cafile == Path("/etc/ca.pem")


def test_which_file(tmp_path: Path) -> None:
    """--config comes before TOOLTRAIL_CONFIG, and that before the lake's own file."""
    own = write(tmp_path, "")
    assert find_file(tmp_path, None, {}) == own
    assert find_file(tmp_path, None, {"TOOLTRAIL_CONFIG": "/a"}) == Path("/a")
    assert find_file(tmp_path, Path("/b"), {"TOOLTRAIL_CONFIG": "/a"}) == Path("/b")
    assert find_file(tmp_path / "none", None, {}) is None
    with pytest.raises(UnreachableError, match="cannot be read"):
        load(tmp_path / "none.toml", {})


def test_the_starter_file_changes_nothing_and_every_line_of_it_is_true(tmp_path: Path) -> None:
    """As written it sets nothing; uncommented, every line is accepted."""
    assert load(write(tmp_path, starter_toml()), {}) == load(None, {})
    lines = starter_toml().splitlines()
    live = [line.removeprefix("# ") if " = " in line else line for line in lines]
    assert {f"{s}.{k}" for s, table in tomllib.loads("\n".join(live)).items() for k in table} == {
        f.name for f in FACTS
    }
    load(write(tmp_path, "\n".join(live)), {})


@pytest.mark.parametrize(
    ("text", "size"),
    [("128MiB", 128 << 20), ("1GB", 10**9), ("4096", 4096), (5, 5), ("1.5KiB", 1536), ("1_000", 1000)],
)
def test_sizes(text: object, size: int) -> None:
    """Sizes are written with units or as bytes."""
    assert parse_size(text) == size


@pytest.mark.parametrize(
    ("text", "seconds"), [("5s", 5), ("250ms", 0.25), ("1.5h", 5400), (2, 2), ("2 min", 120)]
)
def test_durations(text: object, seconds: float) -> None:
    """Durations are written with units or as seconds."""
    assert parse_duration(text) == seconds


@given(st.integers(min_value=1, max_value=2**62))
def test_a_shown_size_reads_back(size: int) -> None:
    """What `config show` prints can be written into the file."""
    assert parse_size(show_size(size)) == size


def test_lines_of_keys_are_found_among_comments_strings_and_arrays() -> None:
    """The small scan agrees with TOML on what is a key."""
    text = '[a] # x\n"k.y" = """\nflush = 1\n"""\nb.c = 1\nlist = [\n "x = 1",\n]\n[ d . e ]\nf = 1\n'
    assert key_lines(text) == {
        ("a",): 1, ("a", "k.y"): 2, ("a", "b", "c"): 5, ("a", "list"): 6, ("d", "e"): 9, ("d",): 10,
        ("d", "e", "f"): 10,
    }  # fmt: skip
