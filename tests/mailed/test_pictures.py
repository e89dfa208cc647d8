"""Pictures in messages: beside the HTML, drawn as it leaves, never in the way."""

from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from crm.core import audit, db, mail, mail_pictures, outbox
from crm.core.charts import Bar, bars
from crm.core.mail_delivery import message_of
from crm.core.outbox import Outgoing
from tests.accounts.conftest import letterbox as letterbox
from tests.accounts.conftest import mailing_app as mailing_app
from tests.mailed.test_messages import SIMPLE

PNG = b"\x89PNG"


@pytest.fixture
def app(mailing_app: Flask) -> Flask:
    """The application with mail set up."""
    return mailing_app


def send(app: Flask, svg: str | None = None) -> dict[str, Any]:
    """Ask for a message with a picture; what the outbox keeps of it."""
    mail_pictures._set.cache_clear()
    with app.test_request_context():
        drawn = bars("Most reached", [Bar("Ann <b>Alpha</b>", 3), Bar("Niue", 1)])
    values = {**SIMPLE["scheduled_report"], "chart": f"{drawn.title}. {drawn.summary}"}
    with db.unit_of_work():
        audit.record("test", "test", None, by=None)
        assert mail.send(
            "scheduled_report",
            to="ada@example.org",
            pictures={"chart": svg or drawn.still(mail_pictures.WIDTH)},
            **values,
        )
    row = db.session.scalars(select(Outgoing).order_by(Outgoing.id.desc())).first()
    assert row is not None
    return dict(outbox.unseal(row.payload))


def test_a_picture_is_beside_the_html_that_shows_it(app: Flask, letterbox: SimpleNamespace) -> None:
    send(app)
    message = letterbox.next()[2]
    kinds = [part.get_content_type() for part in message.walk()]
    assert kinds == [
        "multipart/mixed", "multipart/alternative", "text/plain", "multipart/related",
        "text/html", "image/png",
    ]  # fmt: skip
    [picture] = [part for part in message.walk() if part.get_content_type() == "image/png"]
    assert picture["Content-ID"] == "<chart@picture>"
    assert picture.get_content_disposition() == "inline"
    assert picture.get_content().startswith(PNG)
    html = message.get_body(("html",)).get_content()
    told = "Most reached. Most: Ann &lt;b&gt;Alpha&lt;/b&gt;, 3. Least: Niue, 1."
    assert '<img src="cid:chart@picture"' in html
    assert f'alt="{told}"' in html
    plain = " ".join(message.get_body(("plain",)).get_content().split())
    assert "Most reached. Most: Ann <b>Alpha</b>, 3. Least: Niue, 1." in plain


def test_the_outbox_keeps_the_drawing_and_no_picture(app: Flask) -> None:
    kept = send(app)
    assert len(kept["pictures"]["chart"]) < 2000


def test_a_drawing_that_breaks_stops_no_message(app: Flask, letterbox: SimpleNamespace) -> None:
    kept = send(app, "no drawing at all")
    message = message_of(kept, 1)
    assert "multipart/related" not in message.as_string()
    sent = letterbox.next()[2]
    html = sent.get_body(("html",)).get_content()
    assert "<img" not in html
    assert "Most reached. Most: Ann" in html


def test_a_preview_shows_it_without_asking_anybody(app: Flask) -> None:
    kept = send(app)
    shown = mail_pictures.inlined(kept["html"], mail_pictures.set_all(kept["pictures"]))
    assert '<img src="data:image/png;base64,iVBOR' in shown
    assert "cid:" not in shown
