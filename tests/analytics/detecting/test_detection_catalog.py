"""Detections are read from folders; what is wrong with a file is said with its name."""

import pytest

from analytics.detecting.catalog import load, read
from store.errors import UsageError

HEADER = """-- title = "T"
-- severity = "low"
-- confidence = 0.5
-- why = "w"
-- next = "n"
-- false_positives = ["f"]
-- requires = ["tool_name"]
-- explain = "e"
-- tags = []
-- [parameters]
-- least = 3
SELECT $least;
"""


def test_a_file_in_a_folder_is_a_detection(tmp_path):
    """The stem is the id, the header its facts, the rest its SQL."""
    (tmp_path / "mine.sql").write_text(HEADER)
    found = load([tmp_path])["mine"]
    assert (found.id, found.severity, found.parameters, found.sql) == (
        "mine",
        "low",
        {"least": 3},
        "SELECT $least",
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('title = "T"', 'title = "T', "not TOML"),
        ('-- why = "w"\n', "", "lacks why"),
        ('-- why = "w"\n', '-- why = "w"\n-- colour = "red"\n', "unknown colour"),
        ('"low"', '"loud"', "severity is one of"),
    ],
)
def test_a_wrong_header_names_the_file(tmp_path, old, new, message):
    """Whoever wrote the file learns which one and what."""
    file = tmp_path / "mine.sql"
    file.write_text(HEADER.replace(old, new))
    with pytest.raises(UsageError, match=message) as error:
        read(file)
    assert error.value.where == str(file)


def test_two_of_one_name_are_refused(tmp_path):
    """A folder cannot shadow a built-in detection unseen."""
    (tmp_path / "d10_deny_then_sidestep.sql").write_text(HEADER)
    with pytest.raises(UsageError, match="already"):
        load([tmp_path])


def test_what_sql_cannot_say_is_a_function(tmp_path):
    """A .py file has its header as docstring and a function find."""
    head = "\n".join(line[3:] for line in HEADER.splitlines()[:-1])
    (tmp_path / "mine.py").write_text(
        f'"""\n{head}\n"""\n\ndef find(connection, parameters):\n    return connection.sql("SELECT 1")\n'
    )
    assert load([tmp_path])["mine"].find is not None
    (tmp_path / "mine.py").write_text(f'"""\n{head}\n"""\n')
    with pytest.raises(UsageError, match="function find"):
        load([tmp_path])
