"""Looks at every row of a spreadsheet before anything is written: new, an update, here already?

Rows are looked up some at a time; a key decides, a name or an address only asks.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date

from flask_babel import gettext as _
from sqlalchemy import func, select

from crm.core import db
from crm.core.bulk import BATCH, Progress, batched
from crm.core.errors import Refused
from crm.core.sheets import Row, Table, order_in
from crm.core.text import fold
from crm.targets import rules
from crm.targets.models import (
    Body,
    ContactPoint,
    Post,
    Target,
    TargetIdentifier,
    Term,
)
from crm.targets.sheets.compare import (
    COLUMNS,
    HeldContact,
    HeldTerm,
    Plan,
    Present,
    compare,
)
from crm.targets.sheets.rules import Facts, Fault, Meaning, parse_row
from crm.targets.sheets.store import Judged, Store


def check_rows(
    table: Table,
    meaning: Meaning,
    store: Store,
    *,
    scheme: str,
    today: date,
    progress: Progress | None = None,
) -> dict[str, int]:
    """Judge every row into the store; returns how many of each verdict. Only reads.

    Raises `Refused` when there is no row, or when a date leaves open what comes first.
    """
    meaning = with_order(table, meaning)
    store.begin()
    if any(name == "email" for _place, name, _column in meaning.columns):
        store.know_emails(_emails())
    done = 0
    for rows in batched(table.rows(), BATCH):
        store.add(_judge(rows, meaning, store, scheme, today))
        done += len(rows)
        if progress:
            progress(done, done)
    if not done:
        raise Refused(_("%(file)s has a head and no rows below it.", file=table.name))
    key = next((column for _place, name, column in meaning.columns if name == "key"), "key")
    store.find_twins(
        twice=f"{key}|{_('stands in row {row} already')}",
        same=_("the same name and office stand in row {row}"),
    )
    counts = store.counts()
    store.end()
    return counts


def with_order(table: Table, meaning: Meaning) -> Meaning:
    """The same, knowing whether days or months come first; asks once when that is open."""
    places = [p for p, name, _column in meaning.columns if name in ("starts_on", "ends_on")]
    order = meaning.order or order_in(table, places)
    return Meaning(meaning.columns, meaning.kind, meaning.fixed, order)


def _emails() -> Iterator[tuple[str, int]]:
    for value, target_id in db.session.execute(
        select(func.lower(ContactPoint.value), ContactPoint.target_id)
        .join(Target, Target.id == ContactPoint.target_id)
        .where(ContactPoint.kind == "email", Target.merged_into_id.is_(None)),
        execution_options={"yield_per": 5000},
    ):
        yield str(value), int(target_id or 0)


def _judge(
    rows: Sequence[Row], meaning: Meaning, store: Store, scheme: str, today: date
) -> Iterator[Judged]:
    parsed = [_parsed(row, meaning) for row in rows]
    sound = [facts for _row, facts, _faults in parsed if facts]
    keys = found_by_key(scheme, [facts.key for facts in sound if facts.key])
    names = _found_by_name([facts for facts in sound if facts.key not in keys])
    firsts = [first for facts in sound if (first := _first_email(facts))]
    emails = store.whose_email(firsts)
    places = _governments([f for f in sound if f.kind == "government"])
    wanted = {*keys.values(), *emails.values(), *places.values()}
    present = load_present(wanted.union(*names.values()))
    for row, facts, faults in parsed:
        if facts is None:
            yield Judged(row.number, "error", _shown(row, meaning), told=[list(f) for f in faults])
            continue
        judged = Judged(
            row.number, "new", facts.name, detail=_office(facts), key=facts.key,
            identity=facts.identity, email=_first_email(facts), facts=facts.plain(),
        )  # fmt: skip
        if facts.key and (target_id := keys.get(facts.key)):
            _judge_known(judged, facts, present[target_id], meaning, scheme, today)
        else:
            alike = [present[number] for number in names.get(_sort_name(facts), ())]
            alike = [each for each in alike if _may_be(facts, each)]
            place = places.get(facts.columns.get("country", ""))
            if place and facts.kind == "government":
                alike = [present[place]]
            _judge_alike(judged, facts, alike, present.get(emails.get(judged.email or "", 0)),
                         scheme, today)  # fmt: skip
        yield judged


def _shown(row: Row, meaning: Meaning) -> str:
    """What a row that cannot be taken is called: its name as written, else its first cells."""
    names = [p for p, name, _c in meaning.columns if name in ("name", "given_name", "family_name")]
    cells = [row.cells[place] for place in names if place < len(row.cells)]
    return (" ".join(filter(None, cells)) or ", ".join(filter(None, row.cells)))[:80]


def _parsed(row: Row, meaning: Meaning) -> tuple[Row, Facts | None, list[Fault]]:
    if row.fault:
        return row, None, [Fault(_("The row"), row.fault)]
    return row, *parse_row(meaning, row.cells)


def _office(facts: Facts) -> str:
    return f"{facts.office.label}, {facts.office.body}" if facts.office else ""


def _first_email(facts: Facts) -> str | None:
    return next((c.value.lower() for c in facts.contacts if c.kind == "email"), None)


def _judge_known(
    judged: Judged, facts: Facts, known: Present, meaning: Meaning, scheme: str, today: date
) -> None:
    judged.record_id = known.id
    if (known.kind in rules.PERSONS) is not (facts.kind in rules.PERSONS):
        column = next((c for _p, name, c in meaning.columns if name == "key"), "key")
        judged.verdict, judged.facts = "error", None
        told = _("belongs to %(name)s, which is a %(kind)s", name=known.name, kind=known.kind)
        judged.told = [[column, told]]
        return
    plan = compare(facts, known, scheme=scheme, today=today)
    judged.verdict = "update" if plan.differences else "unchanged"
    judged.told = _told(plan)
    if not set(fold(facts.name).split()) & set(fold(known.name).split()):
        # Keys such as 1, 2, 3 stand in many a file.
        judged.verdict = "duplicate"
        judged.reason = _("its key is that of %(name)s, whose name is another", name=known.name)


def _judge_alike(
    judged: Judged,
    facts: Facts,
    alike: Sequence[Present],
    same_email: Present | None,
    scheme: str,
    today: date,
) -> None:
    """One that is all the same is the same; of any other a person is asked."""
    plans = [(compare(facts, each, scheme=scheme, today=today), each) for each in alike]
    if plans:
        plan, known = min(plans, key=lambda pair: (len(pair[0].differences), pair[1].id))
        if not plan.differences:
            judged.verdict = "unchanged"
        else:
            judged.verdict = "duplicate"
            office = known.office
            judged.reason = (
                _("the same name, %(office)s", office=f"{office.label}, {office.body}")
                if office
                else _("the same name")
            )
    elif same_email and (same_email.kind in rules.PERSONS) is (facts.kind in rules.PERSONS):
        known = same_email
        plan = compare(facts, known, scheme=scheme, today=today)
        judged.verdict = "duplicate"
        judged.by_email = True
        judged.reason = _("%(name)s has the address %(email)s", name=known.name, email=judged.email)
    else:
        return
    judged.record_id, judged.told = known.id, _told(plan)


def _told(plan: Plan) -> list[list[str]]:
    return [[each.what, each.old, each.new] for each in plan.differences]


def _may_be(facts: Facts, known: Present) -> bool:
    """Whether somebody of the same name may be meant: not with another country."""
    if (known.kind in rules.PERSONS) is not (facts.kind in rules.PERSONS):
        return False
    if facts.kind not in rules.PERSONS and "government" in (facts.kind, known.kind):
        return facts.kind == known.kind
    country, theirs = facts.columns.get("country"), known.columns["country"]
    return not country or not theirs or country == theirs


def _sort_name(facts: Facts) -> str:
    columns = facts.columns
    return rules.sort_name(facts.name, columns.get("given_name"), columns.get("family_name"))


# Look-ups, some rows at a time


def found_by_key(scheme: str, keys: Collection[str]) -> dict[str, int]:
    """Key → target; one that was merged stands for the one it was merged into."""
    if not keys:
        return {}
    rows = db.session.execute(
        select(TargetIdentifier.identifier, Target.id, Target.merged_into_id)
        .join(Target, Target.id == TargetIdentifier.target_id)
        .where(TargetIdentifier.scheme == scheme, TargetIdentifier.identifier.in_(set(keys)))
    ).all()
    return _kept_ones({key: merged or target_id for key, target_id, merged in rows})


def _kept_ones(found: dict[str, int]) -> dict[str, int]:
    """Follow merges to their end."""
    while True:
        further = dict(
            db.session.execute(
                select(Target.id, Target.merged_into_id).where(
                    Target.id.in_(set(found.values())), Target.merged_into_id.is_not(None)
                )
            ).all()
        )
        if not further:
            return found
        found = {key: further.get(number) or number for key, number in found.items()}


def _found_by_name(rows: Sequence[Facts]) -> dict[str, list[int]]:
    wanted = {_sort_name(facts) for facts in rows}
    if not wanted:
        return {}
    found: dict[str, list[int]] = {}
    for sort_name, target_id in db.session.execute(
        select(Target.sort_name, Target.id).where(
            Target.sort_name.in_(wanted), Target.merged_into_id.is_(None)
        )
    ):
        found.setdefault(sort_name, []).append(target_id)
    # Of a very common name the first few are compared.
    return {name: sorted(ids)[:20] for name, ids in found.items()}


def _governments(rows: Sequence[Facts]) -> dict[str, int]:
    codes = {facts.columns["country"] for facts in rows if "country" in facts.columns}
    if not codes:
        return {}
    return dict(
        db.session.execute(
            select(TargetIdentifier.identifier, TargetIdentifier.target_id)
            .join(Target, Target.id == TargetIdentifier.target_id)
            .where(
                TargetIdentifier.scheme == "iso3166",
                TargetIdentifier.identifier.in_(codes),
                Target.merged_into_id.is_(None),
            )
        ).all()
    )


def load_present(target_ids: Collection[int]) -> Mapping[int, Present]:
    """Targets as they are, with all a row can change. Four statements."""
    if not target_ids:
        return {}
    found: dict[int, Present] = {}
    names = [getattr(Target, name) for name in COLUMNS]
    for number, kind, seen_on, *values in db.session.execute(
        select(Target.id, Target.kind, Target.seen_on, *names).where(
            Target.id.in_(target_ids), Target.merged_into_id.is_(None)
        )
    ):
        columns = dict(zip(COLUMNS, values, strict=True))
        found[number] = Present(number, kind, columns, is_kept=seen_on is not None)
    for number, scheme, identifier in db.session.execute(
        select(
            TargetIdentifier.target_id, TargetIdentifier.scheme, TargetIdentifier.identifier
        ).where(TargetIdentifier.target_id.in_(found))
    ):
        found[number].keys.add((scheme, identifier))
    for number, *values in db.session.execute(
        select(
            Term.target_id, Term.id, Term.post_id, Post.key, Post.label, Body.name, Post.area,
            Term.starts_on, Term.ends_on, Term.party, Term.is_current,
        )
        .join(Post, Post.id == Term.post_id)
        .join(Body, Body.id == Post.body_id)
        .where(Term.target_id.in_(found))
        .order_by(Term.id)
    ):  # fmt: skip
        found[number].terms.append(HeldTerm(*values))
    for number, *values in db.session.execute(
        select(
            ContactPoint.target_id, ContactPoint.id, ContactPoint.kind, ContactPoint.label,
            ContactPoint.value, ContactPoint.parts, ContactPoint.status, ContactPoint.key,
        )
        .where(ContactPoint.target_id.in_(found))
        .order_by(ContactPoint.id)
    ):  # fmt: skip
        found[number].contacts.append(HeldContact(*values))
    return found
