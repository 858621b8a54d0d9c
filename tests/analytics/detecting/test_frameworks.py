"""Tags name what the published lists have, and nothing else."""

import pytest

from analytics.detecting.catalog import load, read
from analytics.detecting.frameworks import check, frameworks, title
from store.errors import UsageError


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("MITRE ATLAS techniques", 170),
        ("NIST Cybersecurity Framework subcategories", 106),
        ("OWASP MCP Top 10", 10),
        ("OWASP Non-Human Identities Top 10", 10),
        ("OWASP Top 10 for Agentic Applications", 10),
    ],
)
def test_a_list_is_whole(name, count):
    """Each list has as many ids as its publisher counts, with version, date and source."""
    [found] = [f for f in frameworks() if f.name == name]
    assert len(found.titles) == count
    assert found.version
    assert found.source.startswith("https://")
    assert found.date.year >= 2024
    assert all(found.titles.values())


def test_an_id_is_in_one_list_only():
    """A tag without its list's name still says one thing, and what was withdrawn points at what stands."""
    ids = [tag for f in frameworks() for tag in f.titles]
    assert len(ids) == len(set(ids))
    for framework in frameworks():
        assert not set(framework.withdrawn) & set(ids)
        assert set(framework.withdrawn.values()) <= set(framework.titles)


@pytest.mark.parametrize("detection", load().values(), ids=lambda d: d.id)
def test_every_tag_of_a_detection_is_in_a_list(detection):
    """A tag nobody published, or that its publisher withdrew, fails."""
    assert detection.tags
    check(detection.tags, detection.id)
    assert all(title(tag) for tag in detection.tags)


@pytest.mark.parametrize(
    ("tag", "hint"),
    [
        ("LLM06", "the nearest is "),
        ("AMLT0053", "the nearest is AML.T0053"),
        ("MCP11", "the nearest is MCP1"),
        ("DE.CM-07", "it was withdrawn; DE.CM-03"),
        ("AML.T0045", "it was withdrawn; AML.T0048.004"),
    ],
)
def test_an_unknown_tag_is_refused_when_the_catalogue_is_read(tmp_path, tag, hint):
    """Whoever wrote the file learns which file, which tag, and which id is nearest."""
    file = tmp_path / "mine.sql"
    head = ['title = "T"', 'severity = "low"', "confidence = 0.5", 'why = "w"', 'next = "n"', 'explain = "e"',
            "false_positives = []", "requires = []", f'tags = ["{tag}"]']  # fmt: skip
    file.write_text("\n".join(f"-- {line}" for line in head) + "\nSELECT 1\n")
    with pytest.raises(UsageError, match=f"'{tag}' is in no framework's list") as error:
        read(file)
    assert error.value.where == str(file)
    assert hint in error.value.hint
