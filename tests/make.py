"""Rows for tests, with invented names. Each is kept at once, with an audit entry."""

from datetime import date
from itertools import count
from types import SimpleNamespace
from typing import Any

from crm.accounts.models import User
from crm.campaigns.models import Ask, Campaign, CampaignTarget, Goal
from crm.core import audit, db
from crm.core.access import Role
from crm.core.text import fold, slugify
from crm.members.models import Chapter, ChapterRole, Member, Membership
from crm.members.rules import search_key
from crm.targets.models import Body, Post, Target, Term

_numbers = count(1)


def kept(*records: Any) -> Any:
    """Write the records and an audit entry; returns the (first) record."""
    with db.unit_of_work():
        db.session.add_all(records)
        audit.record("make", "test", None, by=None)
    return records[0]


def chapter(name: str, parent: Chapter | None = None, kind: str = "school") -> Chapter:
    parent_id = parent.id if parent else None
    record = Chapter(name=name, slug=slugify(name), kind=kind, path="", parent_id=parent_id)
    above = parent.path if parent else "/"
    with db.unit_of_work():
        db.session.add(record)
        db.session.flush()
        record.path = f"{above}{record.id}/"
        audit.record("make", "test", None, by=None)
    return record


def user(role: Role | None = None, chapter: Chapter | None = None, name: str = "Ada Brook") -> User:
    """A user who can sign in; `role` holds everywhere unless a chapter is given."""
    number = next(_numbers)
    record = kept(User(email=f"person{number}@example.org", name=name))
    if role:
        kept(ChapterRole(user_id=record.id, chapter_id=chapter.id if chapter else None, role=role))
    return record


def member(given: str, family: str | None = None, chapter: Chapter | None = None) -> Member:
    full = f"{given} {family}" if family else given
    record = kept(
        Member(
            given_name=given,
            family_name=family,
            search=search_key(given, family),
        )
    )
    if chapter:
        kept(Membership(member_id=record.id, chapter_id=chapter.id, joined_on=date(2025, 9, 1)))
    assert record.full_name == full
    return record


def target(name: str, kind: str = "government", **more: Any) -> Target:
    return kept(Target(kind=kind, name=name, sort_name=fold(name), search=fold(name), **more))


def legislator(
    given: str,
    family: str,
    *,
    area: str = "WV",
    party: str = "Republican",
    chamber: str = "us/senate",
    district: str = "2",
    starts_on: date = date(2025, 1, 3),
    ends_on: date = date(2031, 1, 3),
) -> Target:
    """A person holding a seat of Congress, with its body, post and current term."""
    record = target(
        f"{given} {family}",
        kind="legislator",
        given_name=given,
        family_name=family,
        country="US",
    )
    body = db.session.query(Body).filter_by(key=chamber).one_or_none()
    if body is None:
        body = kept(Body(key=chamber, name=chamber, classification="chamber", country="US"))
    post = db.session.query(Post).filter_by(key=f"{chamber}/{area}/{district}").one_or_none()
    if post is None:
        post = kept(
            Post(
                key=f"{chamber}/{area}/{district}",
                body_id=body.id,
                role="Senator" if "senate" in chamber else "Representative",
                label=f"{area} {district}",
                area=area,
                district=district,
            )
        )
    kept(
        Term(
            target_id=record.id,
            post_id=post.id,
            starts_on=starts_on,
            ends_on=ends_on,
            party=party,
            is_current=True,
        )
    )
    return record


def campaign(
    name: str = "Postcards", *, chapters: tuple[Chapter, ...] = (), targets: tuple[Target, ...] = ()
) -> Campaign:
    with db.unit_of_work():
        record = Campaign(
            name=name,
            slug=slugify(name),
            starts_on=date(2025, 9, 1),
            chapters=[db.session.merge(each) for each in chapters],
            asks=[Ask(text="Join the treaty")],
            goals=[Goal(number=150, channel="postcard", due_on=date(2026, 3, 1))],
        )
        db.session.add(record)
        db.session.flush()
        db.session.add_all(
            CampaignTarget(campaign_id=record.id, target_id=each.id) for each in targets
        )
        audit.record("make", "test", None, by=None)
    return record


def people() -> SimpleNamespace:
    """A state chapter with two schools, and somebody for each role.

    `coordinator` and `leader` are of school A, `outsider` leads school B and must see nobody of A.
    """
    state = chapter("Mountain State Campaign", kind="state")
    school_a = chapter("Alder High School", state)
    school_b = chapter("Birch High School", state)
    return SimpleNamespace(
        state=state,
        school_a=school_a,
        school_b=school_b,
        admin=user(Role.ADMINISTRATOR, name="Ines Admin"),
        staff=user(Role.STAFF, state, name="Sol Staff"),
        coordinator=user(Role.COORDINATOR, school_a, name="Cory Coordinator"),
        leader=user(Role.LEADER, school_a, name="Lee Leader"),
        member=user(Role.MEMBER, school_a, name="Mina Member"),
        viewer=user(Role.VIEWER, school_a, name="Vic Viewer"),
        outsider=user(Role.LEADER, school_b, name="Otto Outsider"),
    )
