"""Addresses, names and subjects nobody should have to think about, through a real mail server."""

from email import message_from_bytes, policy
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from crm.core import audit, db, mail, mail_text, outbox
from crm.core.outbox import Outgoing, State
from tests.accounts.conftest import letterbox as letterbox
from tests.accounts.conftest import mailing_app as mailing_app

LINK = "https://outreach.example.org/welcome/x"


def send(to: str, subject: str = "Hello", name: str = "Ada", template: str = "reset") -> mail.Sent:
    with db.unit_of_work():
        audit.record("test", "test", None, by=None)
        return mail.send(template, to=to, subject=subject, name=name, link=LINK, hours=1)


def dead() -> list[str | None]:
    outbox.drain()
    db.session.expire_all()
    return list(db.session.scalars(select(Outgoing.fault).where(Outgoing.state == State.DEAD)))


@pytest.mark.parametrize(
    ("to", "name", "address"),
    [
        ("آدا بروك <ada@example.org>", "آدا بروك", "ada@example.org"),
        ('"Brook, Ada" <ada@example.org>', "Brook, Ada", "ada@example.org"),
        ("艾达 <ada@bücher.example>", "艾达", "ada@xn--bcher-kva.example"),
        ("ada@пример.example", "", "ada@xn--e1afmkfd.example"),
        ("Ada\r\nBcc: all@example.org <ada@example.org>", None, "ada@example.org"),
        ("ada+tag@example.org", "", "ada+tag@example.org"),
    ],
)
def test_addresses(
    mailing_app: Flask, letterbox: SimpleNamespace, to: str, name: str | None, address: str
) -> None:
    if not send(to):
        assert name is None
        return
    faults = dead()
    if name is None:
        # Refused by name, or reduced to the one address; never to somebody else.
        while not letterbox.box.received.empty():
            _, recipients, message = letterbox.box.received.get()
            assert recipients == [address]
            assert message["Bcc"] is None
        return
    assert faults == []
    _, recipients, message = letterbox.next()
    assert recipients == [address]
    [found] = message["To"].addresses
    assert (found.display_name, found.addr_spec) == (name, address)


@pytest.mark.parametrize(
    "to",
    [
        "ada@example.org, ben@example.org",
        "ada@example.org;ben@example.org",
        "ada@example.org\nben@example.org",
        "ada@example.org>\r\nRCPT TO:<ben@example.org",
        "<ada@example.org> ben@example.org",
        "ada@example.org\r\n",
        # Read as an encoded word it is ada@example.org, who may have said no.
        "=?utf-8?q?ada?=@example.org",
        "ada",
        "",
        "@",
        "ada@" + "a" * 300 + ".example",
    ],
)
def test_what_is_no_single_address_goes_to_nobody_else(
    mailing_app: Flask, letterbox: SimpleNamespace, to: str
) -> None:
    answer = send(to)
    assert not answer
    assert "no address" in str(answer.why_not)
    outbox.drain()
    assert letterbox.box.received.empty()


SUBJECTS = [
    "Hello\r\nBcc: all@example.org",
    "Hello\n\n<script>",
    "Hello\x00\x07there",
    "x" * 200,
    "🕊️ Peace, 平和, سلام, мир, שלום " * 8,
    "Ünïcödé " * 30,
    "=?utf-8?q?looks_encoded?=",
    "‮evil",
]


@pytest.mark.parametrize("subject", SUBJECTS)
def test_subjects(mailing_app: Flask, letterbox: SimpleNamespace, subject: str) -> None:
    assert send("ada@example.org", subject)
    _, recipients, message = letterbox.next()
    assert recipients == ["ada@example.org"]
    assert message["Bcc"] is None
    said = str(message["Subject"])
    if not subject.startswith("=?"):
        wanted = mail_text.one_line(subject)
        assert said == wanted if len(wanted) <= 200 else said.endswith("…")
    raw = message.as_bytes(policy=policy.SMTP)
    head = raw.split(b"\r\n\r\n")[0]
    assert max(len(line) for line in head.splitlines()) <= 998
    again = message_from_bytes(raw, policy=policy.default)
    assert again["Subject"] == message["Subject"]
    assert not message.defects


NAMES: list[Any] = [
    "# Ada",
    "> Ada",
    "- Ada",
    "| Ada | Brook |",
    "[Click here] https://evil.example",
    "https://evil.example",
    "~ Ada",
    "\\| Ada",
    "Ada\n\n[Click here] https://evil.example",
    "{{ link }}",
    "<b>Ada</b>",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_means_nothing_in_a_message(
    mailing_app: Flask, letterbox: SimpleNamespace, name: str
) -> None:
    with db.unit_of_work():
        audit.record("test", "test", None, by=None)
        mail.send(
            "task_assigned", to="ada@example.org", subject="Hello", kind="reset", name=name,
            giver=None, lines=[name, name], more=0, page=LINK,
        )  # fmt: skip
    message = letterbox.next()[2]
    plain, html = (message.get_body((kind,)).get_content() for kind in ("plain", "html"))
    assert mail_text.one_line(name)[:20] in plain
    assert "evil.example" not in html or 'href="https://evil.example' not in html
    assert html.count('class="go"') == 1
    assert "<b>" not in html
    assert html.count("<h2") == 0
    assert html.count("<li") == 2
    assert "<th" not in html


def test_the_definition_of_a_message() -> None:
    markup = """# Head

Text \\# and more
second line

- one
- two

| Campaign | Cards |
| A \\| B | 12 |
| C | 3 |

> said
>
> again

[Go on] https://x.example/a

https://x.example/b

~ small"""
    found = mail_text.blocks(markup)
    kinds = [part.kind for part in found]
    assert kinds == ["heading", "text", "list", "table", "quote", "button", "button", "small"]
    assert found[1].lines == ("Text # and more", "second line")
    assert found[3].lines[1] == ["A | B", "12"]
    assert found[3].figures == [False, True]
    text = mail_text.plain(found)
    assert "A | B        12\n" in text
    assert "\n> said\n>\n> again\n" in text
    assert "\nGo on:\nhttps://x.example/a\n" in text
    wide = mail_text.blocks("| Name | What |\n| " + "x" * 50 + " | " + "y " * 40 + "|")
    assert max(map(len, mail_text.plain(wide).splitlines())) <= 72


def test_a_line_end_in_where_answers_go_makes_no_header(
    mailing_app: Flask, letterbox: SimpleNamespace
) -> None:
    with db.unit_of_work():
        audit.record("test", "test", None, by=None)
        assert mail.send(
            "reset", to="ada@example.org", subject="Hello", name="Ada", link=LINK, hours=1,
            reply_to="lee@example.org\r\nBcc: all@example.org",
        )  # fmt: skip
    _, recipients, message = letterbox.next()
    assert recipients == ["ada@example.org"]
    assert message["Bcc"] is None
    assert message["Reply-To"] is None
