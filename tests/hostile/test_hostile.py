"""Every page and every form is sent what no person types; none may answer with an error of ours.

A wrong value is told in a sentence (400, 404, 409, 422) or left out; it is never a 500. Runs as
administrator, whose requests reach furthest, on SQLite and PostgreSQL.
"""

from collections.abc import Iterator
from html.parser import HTMLParser
from io import BytesIO
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.datastructures import MultiDict
from werkzeug.routing import Rule
from werkzeug.routing.converters import AnyConverter, NumberConverter

from tests.hostile.scene import address, client_of, routes, scene

#: No number, date, choice or text that can be kept.
HOSTILE = (
    "\x00",
    "²",
    "99999999999999999999",
    "9" * 5000,
    "0001-01-01",
    "9999-12-31",
    "%_'\"><script>alert(1)</script>{{7*7}}\u202e\U0001f4a3",
)
#: What an address may be asked.
QUERY = (
    "q", "page", "sort", "since", "until", "campaign", "chapter", "channel", "kind", "area",
    "region", "party", "target", "outcome", "state", "chamber", "committee", "list", "like", "year",
    "standing", "next", "under", "back", "contacts", "show",
    "on", "goal", "by", "nth", "group", "treaty",
)  # fmt: skip
PATHS = ("\x00", "²", "99999999999999999999", "%FF%FE", "' OR 1=1 --")
LISTS = ("/", "/outreach", "/outreach/waiting", "/members", "/targets", "/search", "/campaigns",
         "/reports/activity-by-month", "/reports/response-rate.json", "/outreach/log/postcard",
         "/targets/find.json")  # fmt: skip


def ill_addresses(rule: Rule, scene: SimpleNamespace) -> Iterator[str]:
    """The address with one of its variables put wrong."""
    good = {**scene.values, "slug": scene.slugs.get(rule.rule.split("/")[1])}
    for name, converter in rule._converters.items():
        ills = ["9" * 20] if isinstance(converter, NumberConverter) else PATHS
        for ill in () if isinstance(converter, AnyConverter) else ills:
            parts = ((ill if part == name else str(good[part])) if is_dynamic else part
                     for is_dynamic, part in rule._trace if part != "|")  # fmt: skip
            yield "".join(quote(part, safe="/%") for part in parts)


class Fields(HTMLParser):
    """Name and value of each field of a page's forms, by the form's address."""

    def __init__(self, page: str):
        super().__init__()
        self.forms: list[tuple[str, list[tuple[str, str]]]] = []
        self.select = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        at = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append((at.get("action", "") if at.get("method") == "post" else "get", []))
        if not self.forms:
            return
        fields = self.forms[-1][1]
        if tag in ("input", "textarea") and at.get("name"):
            ticked = at.get("type") not in ("radio", "checkbox") or "checked" in at
            if ticked and at.get("type") != "file":
                fields.append((at["name"], at.get("value", "")))
        elif tag == "select":
            self.select = at.get("name", "")
            fields.append((self.select, ""))
        elif tag == "option" and "selected" in at and fields:
            fields[-1] = (self.select, at.get("value", ""))


@pytest.fixture
def place(any_app: Flask) -> SimpleNamespace:
    any_app.config["WTF_CSRF_ENABLED"] = False
    found = scene()
    found.client, found.app = client_of(any_app, found.people.admin), any_app
    return found


def faults(answers: Iterator[tuple[str, Any]]) -> list[str]:
    asked, found = 0, set()
    for what, answer in answers:
        asked += 1
        if answer.status_code >= 500:
            found.add(what)
        # A file that nobody reads would hold its connection.
        answer.close()
    assert asked
    return sorted(found)


def test_addresses(place: SimpleNamespace) -> None:
    client: FlaskClient = place.client
    assert (
        faults(
            (f"{method} {ill[:80]}", client.open(ill, method=method))
            for method in ("GET", "POST")
            for rule in routes(place.app, method)
            for ill in ill_addresses(rule, place)
        )
        == []
    )


def test_queries(place: SimpleNamespace) -> None:
    """All of an address's questions wrong at once, on every page."""
    client: FlaskClient = place.client
    assert (
        faults(
            (f"{url} *={ill[:20]!r}", client.get(url, query_string=dict.fromkeys(QUERY, ill)))
            for url in (address(rule, place) for rule in routes(place.app, "GET"))
            for ill in (HOSTILE[0], HOSTILE[2])
        )
        == []
    )


def test_one_query(app: Flask) -> None:
    """One question wrong, so that no other is refused before it."""
    client = client_of(app, scene().people.admin)
    assert (
        faults(
            (f"{url} {name}={ill[:20]!r}", client.get(url, query_string={name: ill}))
            for url in LISTS
            for name in QUERY
            for ill in (HOSTILE[1], HOSTILE[4], HOSTILE[5])
        )
        == []
    )


def test_forms(place: SimpleNamespace) -> None:
    """Each field of each form in turn, with the others as the page has them."""
    client: FlaskClient = place.client
    turn = count()

    def asked() -> Iterator[tuple[str, Any]]:
        done = {"/sign-out", "/sign-in"}
        for rule in routes(place.app, "GET"):
            page = client.get(url := address(rule, place))
            if page.mimetype != "text/html":
                continue
            for action, fields in Fields(page.get_data(as_text=True)).forms:
                if action == "get" or (to := action or url) in done:
                    continue
                done.add(to)
                for name in dict.fromkeys(name for name, _value in fields):
                    # Each field meets some, each of them many fields: all of all takes minutes.
                    for _try in range(2):
                        ill = HOSTILE[next(turn) % len(HOSTILE)]
                        sent = MultiDict((n, v) for n, v in fields if n != name)
                        sent.add(name, ill)
                        yield f"{to} {name}={ill[:20]!r}", client.post(to, data=sent)

    assert faults(asked()) == []


def batch(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "client_key": f"a-client-key-{number}",
        "campaign": "postcards",
        "happened_on": "2026-03-03",
        "chapters": "2",
        "pieces": "10",
        "aim": "campaign",
        "spread": "evenly",
    } | changes


@pytest.mark.parametrize(
    "wrong",
    [
        {"chapters": "²"},
        {"chapters": "9" * 30},
        {"client_key": "a\x00aaaaaaaaaa"},
        {"client_key": "abcdefgh\n"},
        {"pieces": "1" * 5000},
        {"pieces": "٣"},
        {"people": "2147483648"},
        {"minutes": "9999999999"},
        {"member": "999999999"},
        {"count-999999999": "5"},
        {"asks": "99999999999999"},
        {"aim": "area", "area": "\x00"},
        {"aim": "list", "target_list": "\x00"},
        {"roster": "a\x00b, 5"},
        {"roster": "\n".join(f"Name{n} Family" for n in range(1001))},
        {"aim": "chosen", "chosen": "Nowhere\x00"},
        {"aim": "pigeon"},
        {"happened_on": "٢٠٢٦-٠٣-٠٣"},
        {"until": "9999-12-31"},
    ],
)
def test_the_log_form(place: SimpleNamespace, wrong: dict[str, str]) -> None:
    assert place.client.post("/outreach/log/postcard", data=batch(1, **wrong)).status_code == 422


@pytest.mark.parametrize("token", ["../../etc/passwd", "InguYW1lIg.x", "\x00"])
def test_a_picture_of_others_cannot_be_named(place: SimpleNamespace, token: str) -> None:
    answer = place.client.post("/outreach/log/postcard", data=batch(1, kept_photo=token))
    assert "/photos/" not in place.client.get(answer.location).get_data(as_text=True)


@pytest.mark.parametrize("link", ["javascript:alert(1)", " data:text/html,x", "//there.example"])
def test_a_link_leads_to_the_web(place: SimpleNamespace, link: str) -> None:
    sent = batch(1, aim="none", detail_link=link)
    assert place.client.post("/outreach/log/social", data=sent).status_code == 422


@pytest.mark.parametrize("row", ["²", "9" * 5000, "99999999", "-1", ""])
def test_rows_of_a_campaign(place: SimpleNamespace, row: str) -> None:
    sent = {"name": "X", "starts_on": "2026-01-01", "chapter_ids": "1", f"asks-{row}-text": "a"}
    assert place.client.post("/campaigns/new", data=sent).status_code == 303


@pytest.mark.parametrize("name", ["a\x00.yaml", "x" * 3000 + ".yaml", "../\u202e/b.yaml"])
def test_a_files_name(place: SimpleNamespace, name: str) -> None:
    good = Path(__file__).parents[1] / "targets/data/congress/legislators-current.yaml"
    sent = {"what": "files", "files": (BytesIO(good.read_bytes()), name)}
    answer = place.client.post("/targets/import", data=sent, content_type="multipart/form-data")
    assert answer.status_code == 303


def test_too_much(place: SimpleNamespace) -> None:
    photo = (BytesIO(bytes(60_000_000)), "a.jpg")
    for sent in (batch(1, photos=photo), {f"a{n}": "" for n in range(6000)}):
        answer = place.client.post(
            "/outreach/log/postcard", data=sent, content_type="multipart/form-data"
        )
        assert answer.status_code == 413
        assert "Nothing was saved" in answer.get_data(as_text=True)
