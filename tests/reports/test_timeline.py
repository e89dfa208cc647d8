"""The time line of a target is one statement, on both databases."""

from datetime import date

import pytest
from flask import Flask

from crm.core import db
from crm.reports import timeline
from crm.targets.models import Target, TargetIdentifier
from crm.treaties.operations import add_event
from tests import make
from tests.reports.conftest import logged

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


def test_what_was_not_read_is_not_said_to_be_nothing(
    any_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = make.people()
    niue = make.target("Niue", country="NU").id
    make.kept(TargetIdentifier(target_id=niue, scheme="iso3166-alpha3", identifier="NIU"))
    campaign = make.campaign(chapters=(people.school_a,)).id
    for day in (date(2020, 7, 1), date(2020, 7, 2), date(2026, 2, 1)):
        logged("letter", campaign, targets={niue: 2}, pieces=2, on=day)
    with db.unit_of_work():
        add_event(
            treaty="CCM", target_id=niue, kind="accession", happened_on=date(2020, 8, 6),
            source="the depositary", by=None, today=TODAY,
        )  # fmt: skip

    def told() -> list[str | None]:
        with any_app.test_request_context("/"):
            shown = timeline.of_target(db.session.get_one(Target, niue))
        return [each.preceded_by for each in shown["changes"]]

    assert told() == ["4 letters"]
    monkeypatch.setattr(timeline, "NEWEST", 2)
    assert told() == [None]
