"""One call, many witnesses: what ties records together, what does not, whom to believe, and what they disagree on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from lakes import KEY, NOON, ask, one, rows_of

from store.lake import Lake
from store.witnesses import BEST, columns

Event = dict[str, Any]


def event(number: int, seconds: float = 0.0, **fields: Any) -> Event:
    """Return an event of a tool call some seconds after the test's noon; a number stands for its id."""
    return {
        "event_id": number, "event_time": seconds, "mcp_method": "tools/call", "tool_name": "read_file",
        "server_name": "files", **fields,
    }  # fmt: skip


def client(number: int, seconds: float = 0.0, **fields: Any) -> Event:
    """Return a client's record of a finished call."""
    said = {
        "vantage": "client",
        "source_system": "claude_code",
        "evidence_kind": "otel_log",
        "duration_ms": 20.0,
    }
    return event(number, seconds, **{**said, **fields})


def gateway(number: int, seconds: float = 0.0, **fields: Any) -> Event:
    """Return a gateway's record of a finished call."""
    return event(number, seconds, **{"source_system": "toolhive", "duration_ms": 10.0, **fields})


def server(number: int, seconds: float = 0.0, **fields: Any) -> Event:
    """Return a server's span of a finished call."""
    said = {"vantage": "server", "source_system": "fastmcp", "evidence_kind": "span", "duration_ms": 5.0}
    return event(number, seconds, **{**said, **fields})


@dataclass
class Case:
    """Four hours of a lake that one test has to itself: making a lake for each would take most of the time."""

    lake: Lake
    number: int

    @property
    def noon(self) -> datetime:
        """The time that events are counted from."""
        return NOON - timedelta(hours=4 * self.number)

    @property
    def hours(self) -> list[str]:
        """The bounds of the test's time."""
        return [(self.noon + timedelta(minutes=m)).isoformat() for m in (-60, 60)]

    def id(self, number: int) -> str:
        """Return the event_id of an event of this test."""
        return f"{self.number:016x}{number:016x}"

    def take(self, *events: Event) -> None:
        """Add events in one commit."""
        moved = [
            {
                **one,
                "event_id": self.id(one["event_id"]),
                "event_time": self.noon + timedelta(seconds=one["event_time"]),
                "ingest_time": NOON + timedelta(hours=one.get("ingest_time", 0)),
            }
            for one in events
        ]
        self.lake.append("events", rows_of(*moved))

    def ask(self, query: str, *more: object) -> list[tuple[Any, ...]]:
        """Ask about the test's time: the first two parameters are its bounds."""
        return ask(self.lake, query, *self.hours, *more)

    def calls(self) -> set[frozenset[int]]:
        """Return which events make one call, by their numbers."""
        found: dict[str, set[int]] = {}
        for exchange_id, event_id in self.ask("SELECT exchange_id, event_id FROM witnesses(?, ?)"):
            found.setdefault(exchange_id, set()).add(int(event_id[16:], 16))
        return {frozenset(numbers) for numbers in found.values()}

    def rules(self) -> dict[int, str | None]:
        """Return the rung that tied each event."""
        found = self.ask("SELECT event_id, join_rule FROM witnesses(?, ?)")
        return {int(event_id[16:], 16): rule for event_id, rule in found}

    def facts(self) -> dict[str, list[str]]:
        """Return what the witnesses disagree on, with what they say in order of time."""
        found = self.ask("SELECT fact, said FROM disagreements(?, ?)")
        return {fact: [one["value"] for one in said] for fact, said in found}


_shared: list[Case] = []


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """Return the lake of all tests here."""
    yield Lake.create(tmp_path_factory.mktemp("exchanges") / "lake", KEY)
    _shared.clear()


@pytest.fixture
def case(shared: Lake) -> Case:
    """Return time of the test's own in a shared lake."""
    _shared.append(Case(shared, len(_shared)))
    return _shared[-1]


def groups(*numbers: set[int]) -> set[frozenset[int]]:
    """Return sets of numbers as a set."""
    return {frozenset(n) for n in numbers}


# --- the rungs: each ties, and nearly the same does not -------------------------------------------------------------

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
DIGEST = "5f3b2f3577b34da6a3ce929d0e0e4736"
SAME = {"user_email": "Ana@acme.example", "args_hmac": DIGEST, "args_state": "full"}

RUNGS: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("trace and span", "trace_span", {"trace_id": TRACE, "span_id": SPAN},
     {"trace_id": TRACE, "span_id": "00f067aa0ba902b8"}),
    ("trace alone", "trace_span", {"trace_id": TRACE, "span_id": SPAN}, {"trace_id": TRACE}),
    ("tool call id", "tool_call_id", {"tool_call_id": "toolu_1"}, {"tool_call_id": "toolu_2"}),
    ("session, id and method", "jsonrpc", {"session_key": "s", "jsonrpc_id": "7"},
     {"session_key": "s", "jsonrpc_id": "8"}),
    ("another session", "jsonrpc", {"session_key": "s", "jsonrpc_id": "7"}, {"session_key": "t", "jsonrpc_id": "7"}),
    ("another method", "jsonrpc", {"session_key": "s", "jsonrpc_id": "7"},
     {"session_key": "s", "jsonrpc_id": "7", "mcp_method": "resources/read"}),
    ("arguments", "arguments", SAME, {**SAME, "args_hmac": DIGEST[::-1]}),
    ("arguments of another user", "arguments", SAME, {**SAME, "user_email": "bo@acme.example"}),
    ("arguments for another tool", "arguments", SAME, {**SAME, "tool_name": "write_file"}),
    ("arguments for another server", "arguments", SAME, {**SAME, "server_name": "drive"}),
    ("arguments of nobody", "arguments", SAME, {**SAME, "user_email": None}),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "same", "near"), [r[1:] for r in RUNGS], ids=[r[0] for r in RUNGS])
def test_a_rung_ties_what_agrees_and_nothing_that_nearly_does(
    case: Case, rule: str, same: dict[str, Any], near: dict[str, Any]
) -> None:
    """Two witnesses that agree on a rung's key tell of one call; one part of the key that differs, and they do not."""
    case.take(client(1, 0.0, **same), gateway(2, 0.5, **same), server(3, 0.6, **near))
    assert case.calls() == groups({1, 2}, {3})
    assert case.rules() == {1: rule, 2: rule, 3: None}


CHILD = {"trace_id": TRACE, "span_id": "00f067aa0ba902b9", "unmapped": f'{{"/parentSpanId":"{SPAN}"}}'}


def test_a_span_and_its_only_child_are_one_call(case: Case) -> None:
    """A server's span whose parent is the gateway's tells of the same call, over the trace alone it would not."""
    case.take(gateway(1, 0, trace_id=TRACE, span_id=SPAN), server(2, 0.1, **CHILD))
    assert case.calls() == groups({1, 2})
    assert case.rules() == {1: "parent_span", 2: "parent_span"}


def test_children_of_one_span_are_many_calls(case: Case) -> None:
    """A span with two children of one kind holds calls and is none; children without their parent are not tied."""
    other = {**CHILD, "span_id": "00f067aa0ba902ba"}
    case.take(gateway(1, 0, trace_id=TRACE, span_id=SPAN), server(2, 0.1, **CHILD), server(3, 0.2, **other))
    assert len(case.calls()) == 3


def test_children_without_their_parent_are_not_tied(case: Case) -> None:
    """Two records under a span that nobody recorded may be two calls of a turn."""
    case.take(client(1, 0.1, **CHILD), server(2, 0.2, **{**CHILD, "span_id": "00f067aa0ba902ba"}))
    assert len(case.calls()) == 2


def test_a_request_id_is_one_sources_own(case: Case) -> None:
    """The two lines of one gateway share their request id; the same id at another source is another request."""
    decided = {"vantage": "policy_engine", "evidence_kind": "audit_event", "event_kind": "tool_decision"}
    case.take(
        event(1, 0.0, source_system="pomerium", http_request_id="r-1", **decided),
        event(2, 0.1, source_system="pomerium", http_request_id="r-1", evidence_kind="access_log"),
        event(3, 0.1, source_system="obot", http_request_id="r-1"),
    )
    assert case.calls() == groups({1, 2}, {3})
    assert case.rules()[1] == "http_request_id"


@pytest.mark.parametrize(("seconds", "tied"), [(1.9, True), (2.1, False)])
def test_the_last_rung_reaches_two_seconds(case: Case, seconds: float, tied: bool) -> None:
    """Equal calls by one person further apart are two calls."""
    case.take(client(1, 0.02, **SAME), gateway(2, seconds, **SAME))
    assert case.calls() == (groups({1, 2}) if tied else groups({1}, {2}))


def test_a_clients_call_began_before_its_record(case: Case) -> None:
    """A client reports when a call ends: it is compared by when the call began."""
    case.take(client(1, 30.0, duration_ms=30_000.0, **SAME), gateway(2, 0.1, **SAME))
    assert case.calls() == groups({1, 2})


def test_names_of_a_server_may_differ_in_dress(case: Case) -> None:
    """Gateways call one server github, github-mcp and GitHub MCP Server."""
    case.take(
        client(1, 0.0, **SAME | {"server_name": "github"}),
        gateway(2, 0.1, **SAME | {"server_name": "GitHub MCP Server"}),
    )
    assert case.calls() == groups({1, 2})


def test_a_person_is_known_by_what_other_records_tell(case: Case) -> None:
    """A subject that always comes with one address is that address; one that comes with two is not believed."""
    case.take(
        gateway(1, -500.0, user_id="auth0|ana", user_email="ana@acme.example"),
        gateway(2, 0.1, user_id="auth0|ana", args_hmac=DIGEST),
        client(3, 0.0, **SAME),
    )
    assert case.calls() == groups({1}, {2, 3})
    case.take(gateway(4, -400.0, user_id="auth0|ana", user_email="bo@acme.example"))
    assert case.calls() == groups({1}, {2}, {3}, {4})


# --- ids that cannot be believed -------------------------------------------------------------------------------------


def test_an_id_on_every_call_ties_nothing(case: Case) -> None:
    """id:1 on each request of a session says nothing about which answers which."""
    same = {"session_key": "s", "jsonrpc_id": "1"}
    case.take(
        *[gateway(n, n, **same) for n in range(1, 5)], *[server(n, n + 0.1, **same) for n in range(11, 15)]
    )
    assert len(case.calls()) == 8


def test_a_json_rpc_id_of_two_tools_is_not_believed(case: Case) -> None:
    """Two records that agree on session, id and method but name two tools are two calls."""
    same = {"session_key": "s", "jsonrpc_id": "1"}
    case.take(gateway(1, 0, **same), server(2, 0.1, **same, tool_name="write_file"))
    assert case.calls() == groups({1}, {2})


def test_a_json_rpc_id_begins_anew_with_each_connection(case: Case) -> None:
    """The same id after a pause is another call of another connection."""
    same = {"session_key": "s", "jsonrpc_id": "1"}
    case.take(
        gateway(1, 0, **same), server(2, 0.1, **same), gateway(3, 900, **same), server(4, 900.1, **same)
    )
    assert case.calls() == groups({1, 2}, {3, 4})


def test_a_span_that_holds_a_turn_is_not_a_call(case: Case) -> None:
    """Where one witness has a span or call id twice, the id is not believed, and a lower rung may still tie."""
    same = {"trace_id": TRACE, "span_id": SPAN}
    case.take(
        client(1, 0, **same), client(2, 5, **same, **SAME), gateway(3, 0.1, **same), gateway(4, 5.1, **SAME)
    )
    assert case.calls() == groups({1}, {2, 4}, {3})


def test_a_batch_shares_its_request_id(case: Case) -> None:
    """Calls that came in one HTTP request are as many calls."""
    case.take(*[gateway(n, 0, http_request_id="r", jsonrpc_id=str(n), sub_index=n) for n in range(3)])
    assert len(case.calls()) == 3


def test_equal_calls_are_told_apart_by_order(case: Case) -> None:
    """As many on each side within a moment are paired in order, though another may be nearer."""
    case.take(
        client(1, 0.02, **SAME), client(2, 0.52, **SAME), gateway(3, 0.4, **SAME), gateway(4, 0.9, **SAME)
    )
    assert case.calls() == groups({1, 3}, {2, 4})


def test_the_nearest_wins_and_the_other_stays_alone(case: Case) -> None:
    """One call of the client and two alike at the gateway: the nearest is it, and the other keeps being a call."""
    case.take(client(1, 0.52, **SAME), gateway(2, 0.0, **SAME), gateway(3, 0.6, **SAME))
    assert case.calls() == groups({1, 3}, {2})


def test_a_crowd_is_not_told_apart(case: Case) -> None:
    """Among very many equal calls within seconds nothing is tied, and nothing takes long."""
    case.take(
        *[client(n, n * 0.01, **SAME) for n in range(400)],
        *[gateway(1000 + n, n * 0.01, **SAME) for n in range(300)],
    )
    assert len(case.calls()) == 700


def test_a_record_taken_in_twice_is_one_witness(case: Case) -> None:
    """A repeat with the same event_id neither breaks a key nor counts twice."""
    same = {"tool_call_id": "toolu_1"}
    case.take(client(1, **same), gateway(2, **same))
    case.take(client(1, **same))
    assert case.calls() == groups({1, 2})
    assert case.ask("SELECT witnesses FROM exchanges(?, ?)") == [(2,)]


# --- over several rungs ---------------------------------------------------------------------------------------------


def test_rungs_close_over_each_other(case: Case) -> None:
    """Decision and result of a client, gateway, its policy engine and the server are one call, by four keys."""
    case.take(
        client(
            1, -3, tool_call_id="t", event_kind="tool_decision", decision="allow", decision_basis="explicit"
        ),
        client(2, 0.5, tool_call_id="t", trace_id=TRACE, span_id=SPAN),
        gateway(3, 0.1, trace_id=TRACE, span_id=SPAN, http_request_id="r"),
        gateway(4, 0.1, http_request_id="r", vantage="policy_engine", session_key="s", jsonrpc_id="9"),
        server(5, 0.2, session_key="s", jsonrpc_id="9"),
    )
    assert case.calls() == groups({1, 2, 3, 4, 5})
    assert case.rules() == {
        1: "tool_call_id",
        2: "trace_span",
        3: "trace_span",
        4: "http_request_id",
        5: "jsonrpc",
    }


def test_request_and_response_on_one_wire_are_one_call(case: Case) -> None:
    """Two rows of one recorder with the same JSON-RPC id are the two halves of a call."""
    same = {"session_key": "s", "jsonrpc_id": "3", "source_system": "wire"}
    case.take(
        event(1, 0, outcome="unknown", args_state="full", **same), event(2, 0.2, result_state="full", **same)
    )
    assert case.calls() == groups({1, 2})


def test_the_weakest_rung_makes_no_call_of_two(case: Case) -> None:
    """A record that would put two calls of one witness together by arguments alone leaves them apart."""
    case.take(
        client(1, 0.0, tool_call_id="a", **SAME), gateway(2, 0.1, tool_call_id="a"),
        gateway(3, 0.2, **SAME),
    )  # fmt: skip
    assert case.calls() == groups({1, 2}, {3})


def test_a_late_witness_joins_without_a_new_id(case: Case) -> None:
    """A call is named by the record taken in first; asked as of before, it is as it was."""
    case.take(gateway(9, 1.0, tool_call_id="t"))
    before = case.ask("SELECT exchange_id, witnesses FROM exchanges(?, ?)")
    version = case.lake.snapshot("events").version
    case.take(client(1, 0.5, tool_call_id="t", ingest_time=1))
    after = case.ask("SELECT exchange_id, witnesses FROM exchanges(?, ?)")
    assert (before, after) == ([(case.id(9), 1)], [(case.id(9), 2)])
    then = case.lake.sql("SELECT witnesses FROM exchanges(?, ?)", case.hours, as_of=version).arrow()
    assert then.to_pylist() == [{"witnesses": 1}]


def test_a_witness_that_shows_two_calls_to_be_one_leaves_the_earlier_id(case: Case) -> None:
    """The later of two ids still finds the call."""
    case.take(client(1, 0, tool_call_id="t"))
    case.take(server(2, 0, trace_id=TRACE, span_id=SPAN, ingest_time=1))
    assert case.calls() == groups({1}, {2})
    both = {"tool_call_id": "t", "trace_id": TRACE, "span_id": SPAN, "ingest_time": 2}
    case.take(gateway(3, 0, **both))
    found = {one(case.lake, "SELECT DISTINCT exchange_id FROM exchange(?)", case.id(n)) for n in (1, 2, 3)}
    assert found == {case.id(1)}


def test_a_time_has_the_calls_that_began_in_it(case: Case) -> None:
    """Times side by side share no call, and a call is whole though it goes on after its time."""
    case.take(client(1, -1, tool_call_id="t"), gateway(2, 1, tool_call_id="t"), gateway(3, 2))
    noon = case.noon.isoformat()
    before = ask(case.lake, "SELECT witnesses FROM exchanges(?, ?)", case.hours[0], noon)
    after = ask(case.lake, "SELECT witnesses FROM exchanges(?, ?)", noon, case.hours[1])
    assert (before, after) == ([(2,)], [(1,)])


def test_every_witness_stays(case: Case) -> None:
    """An exchange shows each of its records whole, whichever is asked for, and an unknown event shows none."""
    case.take(
        client(1, 0, tool_call_id="t"), gateway(2, 0.1, tool_call_id="t", policy_id="p"), gateway(3, 0.2)
    )
    found = ask(case.lake, "SELECT event_id, vantage, policy_id FROM exchange(?)", case.id(2))
    assert found == [(case.id(1), "client", None), (case.id(2), "gateway", "p")]
    assert ask(case.lake, "SELECT event_id FROM exchange('nobody')") == []


# --- whom to believe ------------------------------------------------------------------------------------------------


def believed(case: Case, *names: str) -> tuple[Any, ...]:
    """Return columns of the only exchange."""
    (row,) = case.ask(f"SELECT {', '.join(names)} FROM exchanges(?, ?)")  # noqa: S608
    return row


def test_the_verified_identity_is_taken_whole(case: Case) -> None:
    """A verified subject beats what the client says; its missing issuer is not filled with another's."""
    case.take(
        client(
            1,
            0,
            tool_call_id="t",
            user_id="me",
            user_issuer="self",
            user_assurance="self_reported",
            user_email="a@b.c",
        ),
        gateway(2, 0, tool_call_id="t", user_id="auth0|ana", user_assurance="verified"),
    )
    assert believed(case, "user_id", "user_issuer", "user_assurance", "user_email") == (
        "auth0|ana",
        None,
        "verified",
        "a@b.c",
    )


def test_a_stated_decision_beats_an_implied_one(case: Case) -> None:
    """The policy engine's word goes before the gateway's status, and that before what the client decided."""
    case.take(
        client(1, 0, tool_call_id="t", decision="allow", decision_basis="explicit", decision_source="user_prompt"),
        gateway(2, 0, tool_call_id="t", decision="deny", decision_basis="strong", decision_source="authn"),
        event(3, 0, tool_call_id="t", vantage="policy_engine", decision="deny", decision_basis="explicit",
              decision_source="policy_engine", policy_id="p-7"),
    )  # fmt: skip
    assert believed(case, "decision", "decision_source", "policy_id") == ("deny", "policy_engine", "p-7")


def test_who_saw_the_result_tells_the_outcome(case: Case) -> None:
    """A gateway that only saw an answer pass does not outweigh the client; the server outweighs both."""
    case.take(gateway(1, 0, tool_call_id="t"), client(2, 0, tool_call_id="t", outcome="tool_error"))
    assert believed(case, "outcome") == ("tool_error",)
    case.take(server(3, 0, tool_call_id="t", outcome="timeout"))
    assert believed(case, "outcome") == ("timeout",)


def test_the_fullest_content_is_taken(case: Case) -> None:
    """Arguments come from the witness that had all of them, with the digest that belongs to them."""
    case.take(
        client(1, 0, tool_call_id="t", args_state="truncated", args_json="{", args_hmac="a"),
        gateway(2, 0, tool_call_id="t", args_state="full", args_json="{}", args_hmac="b"),
    )
    assert believed(case, "args_state", "args_json", "args_hmac") == ("full", "{}", "b")


def test_each_column_is_believed_once() -> None:
    """No column has two orders of belief, and each is a column of events."""
    from store.events import BY_NAME

    assert len(columns()) == len(set(columns()))
    assert set(columns()) <= set(BY_NAME)
    assert len({best.name for best in BEST}) == len(BEST)


# --- what they disagree on ------------------------------------------------------------------------------------------

TOLD: list[tuple[str, dict[str, Any], dict[str, Any], list[str]]] = [
    ("refused_yet_reached", {}, {"decision": "deny", "decision_basis": "strong", "outcome": "denied"},
     ["reached", "refused"]),
    ("outcome", {"outcome": "tool_error"}, {"result_state": "full"}, ["failure", "success"]),
    ("user", {"user_email": "Ana@acme.example"}, {"user_email": "bo@acme.example"},
     ["ana@acme.example", "bo@acme.example"]),
    ("tool", {}, {"tool_name": "write_file"}, ["read_file", "write_file"]),
    ("server", {}, {"server_name": "Drive"}, ["files", "drive"]),
    ("arguments", {"args_state": "full", "args_hmac": "a"}, {"args_state": "full", "args_hmac": "b"}, ["a", "b"]),
    ("result", {"result_state": "full", "result_hmac": "a"}, {"result_state": "full", "result_hmac": "b"}, ["a", "b"]),
    ("client", {"client_name": "claude-code"}, {"client_name": "curl"}, ["claude-code", "curl"]),
]  # fmt: skip


@pytest.mark.parametrize(("fact", "said", "other", "values"), TOLD, ids=[t[0] for t in TOLD])
def test_a_disagreement_is_a_fact(
    case: Case, fact: str, said: dict[str, Any], other: dict[str, Any], values: list[str]
) -> None:
    """Each thing two witnesses say differently is one row that names both, and nothing else is."""
    case.take(client(1, 0.0, tool_call_id="t", **said), gateway(2, 0.1, tool_call_id="t", **other))
    assert case.facts() == {fact: values}


@pytest.mark.parametrize(
    ("said", "other"),
    [
        ({"outcome": "tool_error"}, {"decision": "deny", "decision_basis": "explicit", "outcome": "denied"}),
        ({"decision": "allow", "decision_basis": "explicit"}, {}),
        ({"outcome": "tool_error"}, {"outcome": "success"}),
        ({"server_name": "github"}, {"server_name": "github-mcp"}),
        ({"args_state": "truncated", "args_hmac": "a"}, {"args_state": "full", "args_hmac": "b"}),
        ({"user_email": "ana@acme.example"}, {"user_id": "auth0|ana", "user_id_kind": "idp_sub"}),
    ],
    ids=["an error is what a client sees of a refusal", "two deciders", "a gateway that saw no result",
         "a name in another dress", "cut content", "names of two kinds"],
)  # fmt: skip
def test_what_cannot_be_compared_is_no_disagreement(
    case: Case, said: dict[str, Any], other: dict[str, Any]
) -> None:
    """Witnesses that see different things do not contradict each other."""
    case.take(client(1, 0.0, tool_call_id="t", **said), gateway(2, 0.1, tool_call_id="t", **other))
    assert case.facts() == {}


def test_a_server_that_saw_a_refused_call_is_a_fact(case: Case) -> None:
    """What the gateway refused must not appear at the server: the gateway was gone around."""
    refused = {"decision": "deny", "decision_basis": "explicit", "outcome": "denied"}
    case.take(
        gateway(1, 0.0, tool_call_id="t", **refused), server(2, 0.1, tool_call_id="t", outcome="tool_error")
    )
    assert case.facts()["refused_yet_reached"] == ["refused", "reached"]


@pytest.mark.parametrize(("seconds", "told"), [(4.0, False), (40.0, True)])
def test_clocks_that_differ_are_a_fact(case: Case, seconds: float, told: bool) -> None:
    """Records of one call further apart than the call took show that a clock is wrong."""
    case.take(client(1, 0.0, tool_call_id="t"), gateway(2, seconds, tool_call_id="t"))
    assert ("clock" in case.facts()) is told
