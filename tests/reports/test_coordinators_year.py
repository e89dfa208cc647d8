"""A coordinator's year is reported, by all it can be counted by, on both databases."""

import time
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from crm.core import db
from crm.core.access import Scope
from crm.members.disclosure import Viewer
from crm.members.models import Chapter, Member
from crm.outreach.models import Action
from crm.outreach.queries import ActionFilter
from crm.reports.answering import answer
from crm.reports.catalogue import Question
from crm.targets.models import Target
from tests.reports.coordinators_year import ACTIONS, MEMBERS, TARGETS, Year, make_year
from tests.reports.test_any_campaign import every_report

EVERYWHERE = Viewer(sees=Scope(everywhere=True, chapter_ids=frozenset()), exports_people=False)


@pytest.fixture
def year(any_app: Flask) -> Year:
    return make_year()


def many(model: Any) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def test_it_works(any_app: Flask, year: Year) -> None:
    assert (many(Action), many(Member), many(Target)) == (ACTIONS, MEMBERS, TARGETS)
    assert many(Chapter) == 4
    assert len(year.corrected) == len(year.undone) == 10
    db.rollback()
    totals, seconds = set(), dict[str, float]()
    for report in every_report():
        began = time.perf_counter()
        found = answer(any_app, report, Question(wanted=ActionFilter(), viewer=EVERYWHERE))
        seconds[f"{report.name} {report.about}"] = time.perf_counter() - began
        assert found.rows, report.name
        assert found.reckoning.sums.holds, (report.name, str(found.reckoning))
        if report.counts == "pieces":
            totals.add(found.reckoning.sums.total)
    assert len(totals) == 1
