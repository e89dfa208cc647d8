"""Mail that comes to us, most of it made to break what reads it."""

import time
from datetime import timedelta

import pytest
from flask import Flask

from crm.core import audit, db, given_up, incoming
from crm.core.incoming import Reader
from crm.core.mail_models import IncomingMail

HEAD = b"From: Ada <ada@example.org>\r\nTo: crm@example.org\r\nSubject: Hello\r\n"


def take(raw: bytes) -> IncomingMail:
    with db.unit_of_work():
        row = incoming.take_in(raw)
    return row


def nested(depth: int) -> bytes:
    raw = HEAD
    for level in range(depth):
        raw += b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (level, level)
    return raw + b"\r\ntext\r\n"


def many(count: int) -> bytes:
    head = HEAD + b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
    return head + b"--b\r\n\r\ntext\r\n" * count + b"--b--\r\n"


HOSTILE = {
    "nested": nested(10_000),
    "many parts": many(10_000),
    "rfc822 in rfc822": HEAD + b"Content-Type: message/rfc822\r\n\r\n" * 10_000,
    "long header": HEAD + b"X-Long: " + b"a" * 300_000 + b"\r\n\r\ntext",
    "many headers": HEAD + b"X-A: b\r\n" * 50_000 + b"\r\ntext",
    "endless type": HEAD + b"Content-Type: text/plain" + b";\r\n a=b" * 5_000 + b"\r\n\r\ntext",
    "split boundary": HEAD + b"Content-Type: multipart/mixed; boundary*0=a; boundary*1=b\r\n\r\n",
    "many types": HEAD
    + b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
    + (b"--b\r\nContent-Type: text/plain; a=" + b'"' * 3900 + b"\r\n\r\nx\r\n") * 100,
    "empty": b"",
    "no header": b"\r\n\r\njust text\r\n",
}
ODD = {
    "no such charset": HEAD + b"Content-Type: text/plain; charset=klingon\r\n\r\n\xff\xfe text",
    "wrong charset": HEAD + b"Content-Type: text/plain; charset=ascii\r\n\r\ncaf\xe9",
    "NUL": HEAD.replace(b"Hello", b"He\x00llo") + b"\r\nte\x00xt",
    "broken word": HEAD.replace(b"Hello", b"=?utf-8?b?////?= =?x?q?a?=") + b"\r\ntext",
    "broken base64": HEAD + b"Content-Transfer-Encoding: base64\r\n\r\n!!!!",
    "no end": HEAD + b'Content-Type: multipart/report; boundary="b"\r\n\r\n--b\r\n',
    "surrogates": HEAD.replace(b"Ada", b"\xed\xa0\x80") + b"\r\n\xed\xa0\x80",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_made_to_break_is_refused(any_app: Flask, name: str) -> None:
    row = take(HOSTILE[name])
    assert row.state == "refused"
    assert row.told
    assert row.told.endswith(".")


@pytest.mark.parametrize("name", ODD)
def test_what_is_odd_is_read_as_far_as_it_goes(any_app: Flask, name: str) -> None:
    row = take(ODD[name])
    assert (row.kind, row.state) in [("unknown", "put-away"), ("bounce", "refused")]
    assert "\x00" not in f"{row.subject}{row.sender}"


def test_it_is_refused_by_its_size(app: Flask) -> None:
    assert take(HEAD + b"\r\n" + b"a" * incoming.MOST_BYTES).state == "refused"


def test_the_same_one_twice_is_one(any_app: Flask) -> None:
    first = take(HEAD + b"\r\ntext").id
    assert take(HEAD + b"\r\ntext").id == first
    assert take(HEAD + b"\r\nother").id != first


def test_a_reader_takes_what_it_recognises(any_app: Flask) -> None:
    def reply(message: object, row: IncomingMail) -> None:
        row.state, row.text = "waiting", incoming.text_of(next(incoming.leaves(message)))  # type: ignore[arg-type]

    def is_reply(message: object) -> bool:
        return incoming.header(message, "Subject").startswith("Re:")

    incoming.add_reader(any_app, Reader("reply", is_reply, reply))
    row = take(HEAD.replace(b"Hello", b"Re: Hello") + b"\r\nThank you.")
    assert (row.kind, row.state, row.text) == ("reply", "waiting", "Thank you.")
    assert (row.sender, row.subject) == ("ada@example.org", "Re: Hello")
    assert take(HEAD + b"\r\nThank you.").kind == "unknown"


def test_a_long_header_of_a_part_is_not_taken_apart(any_app: Flask) -> None:
    inner = b"From: " + b'"' * 500_000 + b"\r\nSubject: x\r\n\r\ntext\r\n"
    began = time.monotonic()
    row = take(HEAD + b"Content-Type: message/rfc822\r\n\r\n" + inner)
    assert row.state == "put-away"
    assert time.monotonic() - began < 10


def test_what_came_of_strangers_is_forgotten(any_app: Flask) -> None:
    old, new = take(HEAD + b"\r\nold"), take(HEAD + b"\r\nnew")
    waits = take(HEAD + b"\r\nwaits")
    with db.unit_of_work():
        for number, state in ((old.id, "put-away"), (waits.id, "waiting")):
            row = db.session.get_one(IncomingMail, number)
            row.came_at, row.state = db.now() - timedelta(days=91), state
        audit.record("make", "test", None, by=None)
    with db.unit_of_work():
        given_up.keep()
    assert {row.id for row in db.session.query(IncomingMail)} == {new.id, waits.id}
