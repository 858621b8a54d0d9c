"""[roles.NAME] and [people]: what is written is what holds, and what is wrong is said with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from store.door import policy
from store.door.policy import Limits, Role
from store.door.restricted import check_role, standing_on
from store.errors import DeniedError, UsageError

GOOD = """
[access]
reason_pattern = 'CASE-\\d+'

[roles.support]
views = ["tool_calls", "timeline"]
max_seconds = "5s"
max_memory = "512MiB"
filter = { events = "org_id = 'acme'" }

[roles.support.masks.events]
user_email = "hash"
args_json = "null"

[roles.support.masks."*"]
client_address = "last4"

[roles.auditor]
views = ["*"]

[people]
ana = ["support", "auditor"]
"uid:1002" = ["auditor"]
"""


def written(folder: Path, text: str) -> Path:
    """Write a configuration."""
    file = folder / "tooltrail.toml"
    file.write_text(text)
    return file


def test_roles_and_people_are_read(tmp_path: Path) -> None:
    """Views, filters, masks, limits and people are as written; what is not written is the default."""
    read = policy.read(written(tmp_path, GOOD))
    support = read.roles["support"]
    assert support == Role(
        "support", ("tool_calls", "timeline"), {"events": "org_id = 'acme'"},
        {"events": {"user_email": "hash", "args_json": "null"}, "*": {"client_address": "last4"}},
        Limits(5.0, 512 << 20),
    )  # fmt: skip
    assert read.role_of(1, "ana", "support") is support
    assert read.role_of(1002, "anyone", "auditor").views == ("*",)
    with pytest.raises(DeniedError):
        read.role_of(1002, "anyone", "support")
    check_role(support)


def test_without_a_file_nobody_has_a_role() -> None:
    """Nothing is granted by default."""
    with pytest.raises(DeniedError, match=r"\[people\]"):
        policy.read(None).role_of(0, "root", "support")


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("[roles.a]\nviews = ['events']\nseconds = 5", 3, "unknown key 'seconds'"),
        ("[roles.a]\nviews = ['evnts']", 2, "there is no view 'evnts'"),
        ("[roles.a]\nmax_rows = 5", 1, "a role needs views"),
        ("[roles.a]\nviews = 5", 2, "must be a list"),
        ("[roles.a]\nviews = ['events']\nmax_rows = 0", 3, "must be a whole number"),
        ("[roles.a]\nviews = ['events']\nmax_memory = 'much'", 3, "must be a size"),
        ("[roles.a]\nviews = ['events']\nfilter = 5", 3, "a section is expected"),
        ("[roles.a]\nviews = ['events']\n[roles.a.filter]\nnothing = 'true'", 4, "there is no view"),
        ("[roles.a]\nviews = ['events']\n[roles.a.filter]\nevents = 5", 4, "must be text"),
        ("[roles.a]\nviews = ['events']\n[roles.a.masks.events]\nuser_id = 'blur'", 4, "one of null, hash"),
        ("[roles.a]\nviews = ['events']\n[roles.a.masks]\nevents = 'hash'", 4, "a section is expected"),
        ("[roles.a]\nviews = ['events']\n[roles.a.filter]\ntimeline = 'true'", 4, "is a macro"),
        ("[roles.a]\nviews = ['events']\n[roles.a.filter]\n'*' = 'true'", 4, "a filter is of one view"),
        (
            "[roles.a]\nviews = ['events']\n[roles.a.masks.'*']\nuser_mail = 'hash'",
            4,
            "no table has a column",
        ),
        ("roles = 5", 1, "a section is expected"),
        ("[roles]\na = 5", 2, "a section is expected"),
        ("people = ['a']", 1, "a section is expected"),
        ("[roles.a]\nviews = ['events']\n[people]\nana = ['b']", 4, "there is no role 'b'"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, text: str, line: int, message: str) -> None:
    """An error names file, line, and what was expected."""
    file = written(tmp_path, text)
    with pytest.raises(UsageError, match=message.replace("'", ".")) as raised:
        policy.read(file)
    assert raised.value.where == f"{file}:{line}"


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("[roles.a]\nviews = ['events']\n[roles.a.filter]\nevents = 'no_such = 1'", 4, "filter of events"),
        (
            "[roles.a]\nviews = ['events']\n[roles.a.filter]\nevents = 'true; DROP VIEW x'",
            4,
            "filter of events",
        ),
        ("[roles.a]\nviews = ['events']\n[roles.a.masks.events]\nno_such = 'hash'", 4, "no column"),
        (
            "[roles.a]\nviews = ['events']\n[roles.a.masks.events]\nduration_ms = 'hash'",
            4,
            "can only be null",
        ),
        (
            "[roles.a]\nviews = ['events']\n[roles.a.masks.findings]\nevidence = 'last4'",
            4,
            "can only be null",
        ),
    ],
)
def test_what_does_not_fit_its_view_is_said_with_its_line(
    tmp_path: Path, text: str, line: int, message: str
) -> None:
    """Filters and masks are tried on a lake without rows before the door opens."""
    file = written(tmp_path, text)
    with pytest.raises(UsageError, match=message) as raised:
        check_role(policy.read(file).roles["a"])
    assert raised.value.where == f"{file}:{line}"


def test_roles_are_shown_with_their_lines(tmp_path: Path) -> None:
    """`config show` tells what each role sees and where that is written."""
    rows = {row["setting"]: row for row in policy.shown(policy.read(written(tmp_path, GOOD)))}
    assert rows["roles.support.masks.events.user_email"]["value"] == "hash"
    assert rows["roles.support.masks.events.user_email"]["origin"] == "tooltrail.toml:12"
    assert (rows["roles.support.max_rows"]["value"], rows["roles.support.max_rows"]["origin"]) == (
        "10000",
        "default",
    )
    assert (rows["people.ana"]["value"], rows["people.ana"]["origin"]) == (
        "support, auditor",
        "tooltrail.toml:22",
    )


def test_what_a_view_stands_on_is_known() -> None:
    """All a question needs is made for it, and not the whole catalog."""
    assert standing_on({"tool_calls"}) == {"tool_calls", "events"}
    assert {"findings", "finding_states", "triage"} <= standing_on({"findings"})
    assert standing_on({"nothing"}) == set()
