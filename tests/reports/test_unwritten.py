"""A promise that was only ticked is led to from where it is missing, and written down there."""

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from crm.core import db
from crm.core.i18n import today
from crm.outreach.models import Commitment, Outcome
from tests.reports.test_dossier import scene

SignIn = Callable[[Any], FlaskClient]


def test_it_works(app: Flask, sign_in: SignIn) -> None:
    of = scene()
    client = sign_in(of.people.leader)
    for asked in ("", "&campaign=postcards", f"&target={of.target}", "&kind=legislator"):
        page = client.get(f"/reports/commitments?by=target{asked}").text
        link = re.search(r'href="([^"]+)">1 promise is not written down yet</a>', page)
        assert link is not None, asked
        listed = client.get(unescape(link[1]))
        assert listed.status_code == 200
        found = re.search(r'href="(/outreach/commitments/new\?answer=\d+)"', listed.text)
        assert found is not None, link[1]
    # From the kinds of faults as well.
    assert "by=no-promise" in client.get("/reports/data-quality").text
    assert "is not written down" not in client.get("/reports/commitments?kind=government").text
    address = found[1]
    form = client.get(address).text
    # What the answer said is the beginning.
    assert "we will bring it up" in form
    assert "12 letters" in form
    wrong = client.post(address, data={"text": "", "whose": "theirs"})
    assert wrong.status_code == 422
    sent = {
        "text": "Bring it up",
        "whose": "theirs",
        "due_on": (today() + timedelta(9)).isoformat(),
    }
    assert client.post(address, data=sent).status_code == 303
    kept = db.session.scalars(select(Commitment)).one()
    outcome = db.session.scalars(select(Outcome)).one()
    assert (kept.outcome_id, kept.target_id, kept.text) == (outcome.id, of.target, "Bring it up")
    assert (kept.made_on, kept.campaign_id) == (outcome.received_on, of.campaign)
    assert "not written down" not in client.get("/reports/commitments").text
    # Again, as from a page that is old: it leads to what is there.
    assert client.post(address, data=sent).location == f"/outreach/commitments/{kept.id}"
    assert db.session.query(Commitment).count() == 1
    assert client.get("/outreach/commitments/new?answer=999").status_code == 404


def test_it_is_written_by_whoever_records_answers_there(app: Flask, sign_in: SignIn) -> None:
    of = scene()
    number = db.session.scalars(select(Outcome.id)).one()
    address = f"/outreach/commitments/new?answer={number}"
    assert sign_in(of.people.outsider).get(address).status_code == 404
    assert sign_in(of.people.outsider).post(address, data={"text": "x"}).status_code == 404
    assert sign_in(of.people.viewer).get(address).status_code == 403
