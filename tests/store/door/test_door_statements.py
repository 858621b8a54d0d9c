"""What may be asked through the door: hostile statements tell nothing, honest ones are answered as anywhere else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import guarded
import lakes
import pyarrow as pa
import pytest
from guarded import BOUND, FREE, HONEST, HOSTILE, VIEWS, asked, seen
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store.door import worker
from store.door.job import Verdict
from store.door.policy import Role
from store.door.statement import functions, prepare
from store.errors import DeniedError
from store.lake import Lake

GRANTED = frozenset(guarded.VIEWS)
DENIED = HOSTILE["study"] + HOSTILE["denied"]


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> tuple[Lake, Lake]:
    """Return two lakes that differ only in what the bound role may not see."""
    folder = tmp_path_factory.mktemp("worlds")
    return guarded.make(folder / "a", "a"), guarded.make(folder / "b", "b")


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """Return a DuckDB to parse with."""
    spill = tmp_path_factory.mktemp("spill")
    config: dict[str, str | bool | int | float | list[str]] = {
        "temp_directory": str(spill), "max_temp_directory_size": "1GB", "threads": 1,
    }  # fmt: skip
    with duckdb.connect(config=config) as database:
        yield database


@pytest.mark.parametrize("statement", DENIED)
def test_hostile_statements_are_denied(database: duckdb.DuckDBPyConnection, statement: str) -> None:
    """What reads files or the catalog, writes, changes settings, or reaches past the views is not run."""
    with pytest.raises(DeniedError):
        prepare(database, statement.replace("{lake}", "/srv/lake"), GRANTED)


def test_the_corpus_is_as_large_as_it_says() -> None:
    """The study's sixteen, and more than a hundred others."""
    assert len(HOSTILE["study"]) == 16
    assert len(set(HOSTILE["denied"])) + len(HOSTILE["safe"]) + len(HOSTILE["bombs"]) > 200
    assert len(HONEST) >= 30


@pytest.mark.parametrize("statement", HOSTILE["safe"])
def test_what_is_hidden_changes_no_answer(worlds: tuple[Lake, Lake], statement: str) -> None:
    """Two lakes that differ only in filtered rows and masked values cannot be told apart, not even by errors."""
    first, second = (asked(lake, BOUND, statement) for lake in worlds)
    assert seen(first) == seen(second)


def test_hidden_values_would_be_noticed(worlds: tuple[Lake, Lake]) -> None:
    """The two lakes do differ for a role without filter and masks: the comparison can fail."""
    sample = HOSTILE["safe"][:12]
    differing = [s for s in sample if seen(asked(worlds[0], FREE, s)) != seen(asked(worlds[1], FREE, s))]
    assert len(differing) > len(sample) // 2


@pytest.mark.parametrize("statement", HONEST)
def test_honest_statements_are_answered_as_elsewhere(worlds: tuple[Lake, Lake], statement: str) -> None:
    """A role without restrictions gets, column for column and type for type, what `tooltrail sql` answers."""
    lake = worlds[0]
    statement = (
        statement.replace("{session}", lake.session_key("session-1")).replace("{{", "{").replace("}}", "}")
    )
    answer = asked(lake, FREE, statement)
    assert isinstance(answer, pa.Table), answer
    assert answer.num_rows > 0
    assert answer.equals(lake.sql(statement).arrow())


@pytest.mark.parametrize("statement", HONEST)
def test_honest_statements_run_over_masks(worlds: tuple[Lake, Lake], statement: str) -> None:
    """The same questions work for a restricted role."""
    statement = (
        statement.replace("{session}", worlds[0].session_key("session-1"))
        .replace("{{", "{")
        .replace("}}", "}")
    )
    assert isinstance(asked(worlds[0], BOUND, statement), pa.Table)


PIECES = sorted({word for s in DENIED + HOSTILE["safe"] + HONEST for word in s.split()})


@settings(
    max_examples=100,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=12).map(" ".join))
def test_nonsense_is_denied_or_prepared(database: duckdb.DuckDBPyConnection, statement: str) -> None:
    """Whatever words stand in whatever order, the check ends with a text or a denial, and with nothing else."""
    try:
        text = prepare(database, statement, GRANTED).text
    except DeniedError:
        return
    assert "stored" not in text or "'" in text


@pytest.mark.slow
@settings(
    max_examples=60,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.data())
def test_mutated_questions_tell_nothing(worlds: tuple[Lake, Lake], data: st.DataObject) -> None:
    """A statement of the corpus with words exchanged, doubled or dropped cannot tell the two lakes apart either."""
    words = data.draw(st.sampled_from(HOSTILE["safe"])).split(" ")
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(words) - 1))
        words[place] = data.draw(st.sampled_from([*PIECES, words[place] + " " + words[place], ""]))
    first, second = (asked(lake, BOUND, " ".join(words)) for lake in worlds)
    assert seen(first) == seen(second)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT " + "(" * 5000 + "1" + ")" * 5000,
        "SELECT 1" + " + 1" * 9000,
        "SELECT [" * 3000,
        "SELECT 'x" * 4000,
    ],
)
def test_deep_or_long_statements_are_denied(database: duckdb.DuckDBPyConnection, statement: str) -> None:
    """What would exhaust a parser is refused by its length or depth."""
    with pytest.raises(DeniedError):
        prepare(database, statement, GRANTED)


def test_the_allow_list_holds_only_functions_there_are(database: duckdb.DuckDBPyConnection) -> None:
    """Each allowed name is a function of this DuckDB or one its grammar makes, and no refused one is among them."""
    known = {
        str(name).lower()
        for (name,) in database.execute("SELECT function_name FROM duckdb_functions()").fetchall()
    }
    allowed = functions()
    assert (allowed.plain | allowed.tables) & allowed.refused == set()
    made_by_grammar = {
        "coalesce",
        "ifnull",
        "<>",
        "=",
        "==",
        "->",
        "!~",
        "is_distinct_from",
        "is_not_distinct_from",
    }
    assert allowed.tables <= known
    assert {n for n in allowed.plain - known if n.isalpha()} <= made_by_grammar


def test_what_is_masked_by_a_hash_can_still_be_joined(worlds: tuple[Lake, Lake]) -> None:
    """Equal values have equal hashes across views, and the hash is HMAC-SHA256 under a key of the lake."""
    import hashlib
    import hmac

    from store import keys

    answer = asked(
        worlds[0],
        BOUND,
        "SELECT DISTINCT e.user_id FROM events e JOIN denials d USING (user_id) ORDER BY ALL",
    )
    assert isinstance(answer, pa.Table)
    key = keys.derive(lakes.KEY, "mask")
    names = {"anabel"[: 3 + n % 4] for n in range(0, 24, 5)}
    expected = sorted("h:" + hmac.new(key, name.encode(), hashlib.sha256).hexdigest()[:16] for name in names)
    assert answer["user_id"].to_pylist() == expected


def test_what_proves_masked_rows_is_masked(worlds: tuple[Lake, Lake]) -> None:
    """With salt and leaf hash a guess at the masked value could be tried; a row that is not whole proves nothing."""
    statement = (
        "SELECT count(person_salt) AS salts, count(leaf_hash) AS leaves, count(*) AS n FROM tool_calls"
    )
    [free] = _rows(asked(worlds[0], FREE, statement))
    [bound] = _rows(asked(worlds[0], BOUND, statement))
    assert free["salts"] == free["leaves"] == free["n"] > bound["n"] > 0
    assert (bound["salts"], bound["leaves"]) == (0, 0)
    one = Role("one", VIEWS, masks={"events": {"server_name": "null"}})
    [seen] = _rows(asked(worlds[0], one, statement))
    assert (seen["salts"], seen["leaves"]) == (seen["n"], seen["n"])


def _rows(answer: object) -> list[dict[str, int]]:
    assert isinstance(answer, pa.Table)
    rows: list[dict[str, int]] = answer.to_pylist()
    return rows


def test_no_rows_of_a_table_that_has_none(worlds: tuple[Lake, Lake]) -> None:
    """A granted view without rows answers with none, and with its columns."""
    answer = asked(worlds[0], guarded.Role("r", ("findings",)), "FROM findings")
    assert isinstance(answer, pa.Table)
    assert answer.num_rows == 0
    assert "severity" in answer.schema.names


def test_a_view_that_is_restricted_itself(worlds: tuple[Lake, Lake]) -> None:
    """A filter and masks of a view hold beside those of what it stands on."""
    role = guarded.Role("r", ("denials",), {"denials": "tool_name = 'read_file'", "events": "org_id = 'acme'"},
                        {"denials": {"user_name": "constant"}, "*": {"user_email": "null"}})  # fmt: skip
    answer = asked(worlds[0], role, "SELECT DISTINCT user_name, user_email, org_id FROM denials")
    assert isinstance(answer, pa.Table)
    assert answer.to_pylist() == [{"user_name": "[masked]", "user_email": None, "org_id": "acme"}]


def test_wrong_columns_are_said_as_a_wrong_question(worlds: tuple[Lake, Lake]) -> None:
    """A question DuckDB cannot bind fails with its message, not as a denial."""
    answer = asked(worlds[0], FREE, "SELECT no_such_column FROM events")
    assert isinstance(answer, Verdict)
    assert (answer.kind, answer.reason) == ("usage", "BinderException")
    assert "no_such_column" in answer.message


def test_paths_of_the_lake_are_not_told(worlds: tuple[Lake, Lake], tmp_path: Path) -> None:
    """A data file that is gone is said without its path."""
    lake = guarded.make(tmp_path / "broken", "a")
    for path in lake.snapshot("events").paths():
        Path(path).write_bytes(b"PAR1 not parquet PAR1")
    answer = asked(lake, FREE, "SELECT count(tool_name) FROM events")
    assert isinstance(answer, Verdict)
    assert answer.kind == "unreachable"
    assert str(tmp_path) not in answer.message


def test_files_that_cannot_matter_are_not_read(tmp_path: Path, database: duckdb.DuckDBPyConnection) -> None:
    """A question for one session opens only the files that may hold it; a restricted role reads more, never less."""
    lake = Lake.create(tmp_path / "lake", lakes.KEY)
    for number in range(3):
        lakes.take_in(
            lake, [lakes.record(number, session_id=f"session-{number}", org_id="acme")], first=number
        )
    statement = f"SELECT count(*) AS n FROM events WHERE session_key = '{lake.session_key('session-1')}'"  # noqa: S608
    for role, least, most in ((FREE, 1, 1), (BOUND, 1, 3)):
        work = guarded.job(lake, role, statement)
        files = worker._files(work, "events", prepare(database, statement, GRANTED))
        assert least <= len(files) <= most
        answer = asked(lake, role, statement)
        assert isinstance(answer, pa.Table)
        assert answer["n"].to_pylist() == [1]
