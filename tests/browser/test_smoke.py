"""The door: the page before signing in."""

from playwright.sync_api import Page

from tests.browser import judge


def test_it_works(page: Page) -> None:
    page.goto("/sign-in")
    assert judge.whole(page) == []


def test_a_page_that_is_not_there(page: Page, watch: object) -> None:
    answer = page.goto("/no/such/page")
    assert answer is not None
    assert answer.status == 404
    assert judge.whole(page) == []
    watch.take()  # type: ignore[attr-defined] # the browser calls the 404 itself an error
