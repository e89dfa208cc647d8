"""The time line of a target is one statement, on both databases."""

from datetime import date

from flask import Flask

from crm.core import db
from crm.reports import timeline
from crm.targets.models import Target, TargetIdentifier
from crm.treaties.operations import add_event
from tests import make

TODAY = date(2026, 5, 1)


def test_it_works_for_a_government(any_app: Flask) -> None:
    niue = make.target("Niue", country="NU").id
    make.kept(TargetIdentifier(target_id=niue, scheme="iso3166-alpha3", identifier="NIU"))
    with db.unit_of_work():
        add_event(
            treaty="CCM", target_id=niue, kind="accession", happened_on=date(2020, 8, 6),
            source="the depositary", by=None, today=TODAY,
        )  # fmt: skip
    with any_app.test_request_context("/"):
        shown = timeline.of_target(db.session.get_one(Target, niue))
    assert shown is not None
    assert [(each.on, each.preceded_by) for each in shown["changes"]] == [(date(2020, 8, 6), "")]
