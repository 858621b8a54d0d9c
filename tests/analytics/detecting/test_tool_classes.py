"""What tools do is told by their names, and corrected by whoever knows better."""

from __future__ import annotations

import pytest

from analytics.detecting.tool_classes import CLASSES, FILE_NAME, classify, overrides
from store.errors import UsageError


def classes(server, tool, operation=None, told=None):
    """Return the classes of one tool, in the order of the table."""
    [row] = classify([(server, tool, operation)], told).to_pylist()
    return [name for name in CLASSES if row[name]]


@pytest.mark.parametrize(
    ("server", "tool", "expected"),
    [
        ("crm", "get_customer", ["read", "private"]),
        ("crm", "getCustomers", ["read", "private"]),
        ("web", "fetch", ["read", "untrusted"]),
        ("email", "read_message", ["read", "private", "untrusted"]),
        ("email", "send_message", ["write", "sink"]),
        ("github", "create_pull_request", ["write", "sink"]),
        ("github", "list_issues", ["read", "untrusted"]),
        ("github", "delete_branch", ["destructive"]),
        ("drive", "create_public_file", ["write", "sink"]),
        ("crm", "update_customer", ["write"]),
        ("postgres", "query", ["read", "private"]),
        ("box", "run_command", ["read", "exec"]),
        ("memory", "add_observations", ["write", "persistent"]),
        ("api", "list_posts", ["read"]),
        (None, "frobnicate", []),
    ],
)
def test_names_tell(server, tool, expected):
    """Words of the tool's and the server's name tell what it does, in any spelling."""
    assert classes(server, tool) == expected


def test_the_source_knows_better_than_the_name():
    """A stated operation class decides between reading, writing and destroying."""
    assert classes("crm", "archive_customer", "destructive") == ["destructive"]


def test_an_operator_knows_best(tmp_path):
    """What stands in the lake's own file counts before all words, for one tool or a whole server."""
    (tmp_path / FILE_NAME).write_text(
        '[tools]\n"billing.*" = ["read"]\n"billing.send_statement" = ["write"]\n'
    )
    told = overrides(tmp_path)
    assert classes("billing", "get_invoice", None, told) == ["read"]
    assert classes("billing", "send_statement", None, told) == ["write"]
    assert classes("crm", "get_customer", None, told) == ["read", "private"]


@pytest.mark.parametrize(
    "text",
    ['[tools]\n"crm.x" = ["secret"]', '[tools]\n"crm" = ["read"]', '[tool]\n"crm.x" = ["read"]', "[tools"],
)
def test_a_wrong_entry_is_named(tmp_path, text):
    """A misspelt class, a name without its server, an unknown section: an error that names the file, not silence."""
    (tmp_path / FILE_NAME).write_text(text)
    with pytest.raises(UsageError) as raised:
        overrides(tmp_path)
    assert raised.value.where == str(tmp_path / FILE_NAME)


def test_without_a_file_words_decide(tmp_path):
    """No file is no error."""
    assert overrides(tmp_path) == {}
