"""Terms of an intake beside those that are kept: who holds what now, and since when.

Terms are found again by post and first day. Logged outreach points to the term of its date, so no
term is ever deleted or given to another post: what a source knows no longer ends and stays.
"""

from collections.abc import Iterable
from datetime import date
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import or_, select

from crm.core import db
from crm.core.errors import Refused
from crm.targets.identity import is_elsewhere
from crm.targets.models import Body, Post, Term
from crm.targets.seen import Held
from crm.targets.sources.facts import TermFacts
from crm.targets.writing import Row, Work, differing, insert_rows, update_rows

#: So many posts left vacant at once, and beside every tenth that is held, mean a file that was cut
#: off: an election fills the posts it empties.
MANY, PART = 50, 10

#: By what a term of a post is found again: its first day or, where nobody knows it, its last.
Since = tuple[date | None, date | None]

_TERM = ("starts_on", "ends_on", "party", "caucus", "is_current")


def write_terms(work: Work) -> None:
    """Bring the terms of all who are listed to what the source says, and end those of who left."""
    if not work.intake.chambers:
        return
    chambers = {work.body_ids[key] for key in work.intake.chambers}
    rows = db.session.execute(
        select(
            Term.id, Term.target_id, Term.post_id, Post.body_id,
            Term.starts_on, Term.ends_on, Term.party, Term.caucus, Term.is_current, Body.key,
        )
        .join(Post, Post.id == Term.post_id)
        .join(Body, Body.id == Post.body_id)
        .where(or_(Post.body_id.in_(chambers), Term.target_id.in_(work.listed)))
        .order_by(Term.id)
    ).all()  # fmt: skip
    held: dict[int, dict[int, list[Row]]] = {}
    gone: dict[int, list[Held]] = {}
    elsewhere: dict[int, int] = {}
    for row in rows:
        number, target_id, post_id, body_id = row[:4]
        if target_id in work.listed and is_elsewhere(work.intake, row.key):
            if row.is_current:
                elsewhere[target_id] = number
        elif target_id in work.listed:
            values = tuple(row[4:9])
            held.setdefault(target_id, {}).setdefault(post_id, []).append((number, values))
        elif row.is_current and body_id in chambers:
            gone.setdefault(target_id, []).append(
                Held(number, post_id, row.starts_on, row.ends_on, row.party, row.caucus)
            )
    new: list[dict[str, Any]] = []
    updates: list[dict[str, Any]] = []
    for facts in work.intake.targets:
        target_id = work.target_ids[facts.identifier]
        compared = _Compared(work, target_id, held.get(target_id, {}))
        compared.bring_to(facts.terms)
        new += compared.new
        updates += compared.updates
        if target_id in elsewhere and any(term.is_current for term in facts.terms):
            # Another source's office goes on, or not, as that source says; this one is later.
            updates.append({"id": elsewhere[target_id], "is_current": False})
    if work.intake.is_whole:
        updates += _retire(work, gone)
    update_rows(work, Term, updates)
    insert_rows(work, Term, new)


class _Compared:
    """The terms of one target, compared: what is to be added and changed."""

    def __init__(self, work: Work, target_id: int, held: dict[int, list[Row]]):
        self.work, self.target_id = work, target_id
        self.new: list[dict[str, Any]] = []
        self.updates: list[dict[str, Any]] = []
        self._before = _present(held)
        #: Rows nothing of the source was found for yet: post → what finds it again → row.
        self._free = {
            post_id: {_since(row[1]): row for row in sorted(rows, key=_first_day)}
            for post_id, rows in held.items()
        }

    def bring_to(self, wanted: list[TermFacts]) -> None:
        """Compare with what the source says."""
        terms = _clipped(wanted)
        after: Held | None = None
        for post_id, term, row in self._paired(terms):
            parts = self._continued(post_id, term)
            row = parts[-1] if parts else row
            present = self._bring(post_id, term, row, is_continued=bool(parts))
            after = present or after
        self._end_unknown(after)
        # The row's own number is no news.
        if (self._before and self._before[1:]) != (after and after[1:]):
            found = self.work.of(self.target_id)
            found.before, found.after = self._before, after

    def _paired(self, terms: list[TermFacts]) -> list[tuple[int, TermFacts, Row | None]]:
        """Each term with its row: by first day, or, where that was corrected, by its period."""
        exact = []
        for term in terms:
            post_id = self.work.post_ids[term.post_key]
            row = self._free.get(post_id, {}).pop(_since(tuple(term[1:])), None)
            exact.append((post_id, term, row))
        taken = {
            (post_id, since)
            for post_id, term, row in exact
            if row is not None
            for since in self._inside(post_id, term)
        }
        paired = []
        for post_id, term, row in exact:
            if row is None:
                rows = self._free.get(post_id, {})
                overlapping = (
                    since
                    for since, each in rows.items()
                    if (post_id, since) not in taken and _overlaps(each, term)
                )
                if since := next(overlapping, None):
                    row = rows.pop(since)
            paired.append((post_id, term, row))
        return paired

    def _inside(self, post_id: int, term: TermFacts) -> list[Since]:
        """Rows that begin within a term: it was parted when the party changed."""
        if term.starts_on is None:
            return []
        until = term.ends_on or date.max
        return [
            since
            for since in self._free.get(post_id, {})
            # On its last day another term of the post begins, not a part of this one.
            if since[0] is not None and term.starts_on < since[0] < until
        ]

    def _continued(self, post_id: int, term: TermFacts) -> list[Row]:
        return [self._free[post_id].pop(since) for since in self._inside(post_id, term)]

    def _bring(
        self, post_id: int, term: TermFacts, row: Row | None, *, is_continued: bool
    ) -> Held | None:
        """Write one term; gives it back when it is the present one."""
        values = tuple(term[1:])
        if row is None:
            columns = dict(zip(_TERM, values, strict=True))
            self.new.append({"target_id": self.target_id, "post_id": post_id, **columns})
            if not term.is_current:
                self._note_past(post_id, term, None)
            return _held(0, post_id, values) if term.is_current else None
        number, present = row
        if is_continued:
            # The first day of a later part is ours, not the source's.
            values = (present[0], *values[1:])
        day = self.work.day
        if (
            term.is_current and present[4] and present[2] is not None
            and present[2] != term.party
            and (present[0] or date.min) < day < (term.ends_on or date.max)
        ):  # fmt: skip
            # What was logged before stays with the party of its day.
            self.updates.append({"id": number, "ends_on": day, "is_current": False})
            columns = dict(zip(_TERM, (day, *values[1:]), strict=True))
            self.new.append({"target_id": self.target_id, "post_id": post_id, **columns})
        elif change := differing(_TERM, row, values):
            self.updates.append(change)
            if not term.is_current and not present[4]:
                self._note_past(post_id, term, present)
        return _held(number, post_id, values) if term.is_current else None

    def _note_past(self, post_id: int, term: TermFacts, present: tuple[Any, ...] | None) -> None:
        """A past term that was added or corrected; an earlier part of the present one is none."""
        before = self._before
        if before is None:
            return
        if present and before.post_id == post_id and before.starts_on == present[1]:
            return
        label = self.work.intake.posts[term.post_key].label
        old = _term_words(present[:4]) if present else None
        self.work.of(self.target_id).past_terms.append(
            (_("past term as %(office)s", office=label), old, _term_words(tuple(term[1:5])))
        )

    def _end_unknown(self, after: Held | None) -> None:
        """A term the source does not know stays as history, and is not the present one."""
        for rows in self._free.values():
            for number, values in rows.values():
                if not values[4]:
                    continue
                until = self.work.day
                if after and after.starts_on and after.starts_on > (values[0] or date.min):
                    until = min(until, after.starts_on)
                self.updates.append(
                    {"id": number, "is_current": False, "ends_on": _until(values[1], until)}
                )


def _since(values: tuple[Any, ...]) -> Since:
    starts_on, ends_on = values[:2]
    return starts_on, None if starts_on else ends_on


def _first_day(row: Row) -> date:
    return row[1][0] or date.min


def _present(held: dict[int, list[Row]]) -> Held | None:
    for post_id, rows in held.items():
        for number, values in rows:
            if values[4]:
                return _held(number, post_id, values)
    return None


def _held(number: int, post_id: int, values: tuple[Any, ...]) -> Held:
    return Held(number, post_id, *values[:4])


def _overlaps(row: Row, term: TermFacts) -> bool:
    starts_on, ends_on = row[1][:2]
    return (starts_on or date.min) < (term.ends_on or date.max) and (term.starts_on or date.min) < (
        ends_on or date.max
    )


def _clipped(terms: list[TermFacts]) -> list[TermFacts]:
    """Nobody holds the former post on when the present one began, whatever end was foreseen."""
    present = next((term for term in terms if term.is_current), None)
    if present is None or present.starts_on is None:
        return terms
    begin = present.starts_on
    return [
        term._replace(ends_on=begin)
        if not term.is_current
        and term.starts_on is not None
        and term.starts_on < begin
        and (term.ends_on is None or term.ends_on > begin)
        else term
        for term in terms
    ]


def _until(ends_on: date | None, day: date) -> date:
    return min(ends_on, day) if ends_on else day


def _term_words(values: tuple[Any, ...]) -> str:
    starts_on, ends_on, party, caucus = values
    words = f"{starts_on or '?'} – {ends_on or ''}".strip()
    return ", ".join(part for part in (words, party, caucus) if part)


def _retire(work: Work, gone: dict[int, list[Held]]) -> Iterable[dict[str, Any]]:
    """End the terms of those a whole list no longer names."""
    begun = {
        work.post_ids[term.post_key]: term.starts_on
        for facts in work.intake.targets
        for term in facts.terms
        if term.is_current
    }
    vacant = sum(all(term.post_id not in begun for term in terms) for terms in gone.values())
    if vacant >= MANY and vacant * PART > len(work.intake.targets):
        raise Refused(
            _("%(source)s lists %(listed)s people, and %(leaving)s in office are not among them, "
              "nor anybody in their stead. It looks cut off; nothing was changed.",
              source=work.intake.origin, listed=len(work.intake.targets), leaving=vacant)
        )  # fmt: skip
    work.left = {target_id: terms[0] for target_id, terms in gone.items()}
    for terms in gone.values():
        for term in terms:
            until, successor = work.day, begun.get(term.post_id)
            if successor and successor > (term.starts_on or date.min):
                until = min(until, successor)
            yield {"id": term.row, "is_current": False, "ends_on": _until(term.ends_on, until)}
