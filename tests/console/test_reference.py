"""Generated pages are what would be generated now."""

import pytest

from console.reference import PAGES, ROOT


@pytest.mark.parametrize(("path", "make"), PAGES, ids=[path for path, _ in PAGES])
def test_the_page_is_up_to_date(path: str, make: object) -> None:
    """Docs cannot lie: `python -m console.reference --write` brings them up to date."""
    assert (ROOT / path).read_text("utf-8") == make()
