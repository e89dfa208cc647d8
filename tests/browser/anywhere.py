"""A demo of a test's own, looked at in three ways: at a desk, without scripts, on a phone.

A file that imports `server` and `page` runs each of its tests three times.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser import judge
from tests.browser.driver import Watch
from tests.browser.server import Demo, Server, serve


@pytest.fixture
def server(demo: Demo, tmp_path: Path) -> Iterator[Server]:
    """A demo of its own: what is done here changes it."""
    with serve(demo, tmp_path / "instance") as running:
        yield running


@pytest.fixture(params=["scripts", "no scripts", "phone"])
def page(request: pytest.FixtureRequest, browser: Browser, watch: Watch) -> Iterator[Page]:
    """At a desk, at a desk without scripts, on a phone."""
    size = judge.NARROW if request.param == "phone" else judge.WIDE
    context = browser.new_context(
        viewport=size,
        java_script_enabled=request.param != "no scripts",
        reduced_motion="reduce",
        locale="en-US",
    )
    page = context.new_page()
    watch.on(page)
    yield page
    complaints = watch.take()
    context.close()
    assert complaints == []
