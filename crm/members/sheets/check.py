"""Looks at every row of a roster before anything is written: new, an update, here already?

The same name in the same chapter, with nothing that speaks against it, is the same member. Of any
other who may be meant `likeness` says why, and a person is asked. Only members whom the importer
may see are compared with: a row never tells that somebody is in another's chapter.
"""

from array import array
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import func, select

from crm.core import db
from crm.core.access import Scope
from crm.core.bulk import BATCH, Progress, among, batched, by_the_thousand
from crm.core.errors import Refused
from crm.core.judged import Judged
from crm.core.sheets import Row, Table
from crm.core.text import fold
from crm.members import fields as custom_fields
from crm.members import likeness, queries
from crm.members.likeness import LIKELY, MOST_IN_A_BLOCK, Card, email_key, keys, phone_key
from crm.members.models import (
    Chapter,
    Guardian,
    Guardianship,
    Member,
    Membership,
    MemberTag,
    Tag,
)
from crm.members.rules import search_key
from crm.members.sheets import rules
from crm.members.sheets.compare import COLUMNS, Plan, Present, compare, speaks_against
from crm.members.sheets.meeting import Meeting
from crm.members.sheets.rules import Facts, Fault, Meaning, parse_row
from crm.members.sheets.store import Store

#: Pairs are looked at by so many rows at once.
_PAIRED = 1000
#: Marks of ways to reach somebody: so many that few have one by chance.
_MARKS = 1 << 22


@by_the_thousand()
def check_rows(
    table: Table,
    meaning: Meaning,
    store: Store,
    *,
    scope: Scope,
    progress: Progress | None = None,
    total: int = 0,
) -> dict[str, int]:
    """Judge every row into the store; returns how many of each verdict. Only reads.

    Raises `Refused` when there is no row.
    """
    work = _Look(meaning, store, scope)
    store.begin()
    # Who comes after this was not compared with.
    store.note("last_member", db.session.scalar(select(func.max(Member.id))) or 0)
    done = 0
    for rows in batched(table.rows(), BATCH):
        work.judge(rows)
        done += len(rows)
        if progress:
            progress(done, total)
    if not done:
        raise Refused(_("%(file)s has a head and no rows below it.", file=table.name))
    work.find_duplicates()
    store.note("chapters", sorted(work.chapters))
    counts = store.counts()
    store.end()
    return counts


class _Look:
    """The file in hand."""

    def __init__(self, meaning: Meaning, store: Store, scope: Scope):
        self.meaning, self.store, self.scope = meaning, store, scope
        self.labels = {each.key: each.label for each in custom_fields.defined()}
        self.names = dict(
            db.session.execute(
                select(Chapter.id, Chapter.name).where(
                    Chapter.id.in_({*meaning.chapters.values(), meaning.chapter_id or 0})
                )
            ).all()
        )
        #: Chapters of rows, and marks of the ways to reach whom the rows name: who has none in
        #: common is nobody of them, and who has a mark by chance is only looked at in vain.
        self.chapters: set[int] = set()
        self.reached = bytearray(_MARKS)
        self.meeting = Meeting(store.base)

    # Rows, some at a time

    def judge(self, rows: Sequence[Row]) -> None:
        parsed = [self._parsed(row) for row in rows]
        sound = [facts for _row, facts, _faults in parsed if facts]
        present = self._same_named(sound)
        judged: list[Judged] = []
        for row, facts, faults in parsed:
            if facts is None:
                judged.append(
                    Judged(row.number, "error", self._shown(row), told=[list(f) for f in faults])
                )
                continue
            self.chapters.add(facts.chapter_id)
            card = _card_of(facts)
            for key in (*card.phones, *card.emails, *card.guardians):
                self.reached[hash(key) % _MARKS] = 1
            one = Judged(
                row.number, "new", facts.name, detail=self.names[facts.chapter_id],
                facts=facts.plain(),
            )  # fmt: skip
            if present:
                self._judge(one, facts, present.get((facts.chapter_id, _name_key(facts)), ()))
            judged.append(one)
            self.meeting.add_row(likeness.blocks(card), row.number, is_new=one.verdict == "new")
        self.store.add(judged)
        self.meeting.pack()

    def _parsed(self, row: Row) -> tuple[Row, Facts | None, list[Fault]]:
        if row.fault:
            return row, None, [Fault(_("The row"), row.fault)]
        return row, *parse_row(self.meaning, row.cells)

    def _shown(self, row: Row) -> str:
        """What a row that cannot be taken is called: its name as written."""
        names = ("name", "given_name", "family_name")
        places = [place for place, name, _column in self.meaning.columns if name in names]
        return " ".join(filter(None, (row.cells[p] for p in places if p < len(row.cells))))[:80]

    def _same_named(self, rows: Sequence[Facts]) -> dict[tuple[int, str], list[Present]]:
        """By chapter and folded name: members who are or were there."""
        wanted = {
            key
            for facts in rows
            for key in (
                search_key(facts.given, facts.family), search_key(facts.family or "", facts.given)
            )
        }  # fmt: skip
        if not wanted:
            return {}
        ids = db.session.scalars(
            queries.visible_members(self.scope, today=self.meaning.today)
            .with_only_columns(Member.id)
            .where(among(Member.search, wanted))
        ).all()
        found: dict[tuple[int, str], list[Present]] = {}
        for known in load_present(ids, today=self.meaning.today).values():
            name = _name_key(known)
            for chapter_id in known.ever_in:
                found.setdefault((chapter_id, name), []).append(known)
        return found

    def _judge(self, judged: Judged, facts: Facts, alike: Sequence[Present]) -> None:
        """One that is all the same is the same; of several a person is asked."""
        if not alike:
            return
        plans = [(compare(facts, each), each) for each in alike]
        for plan, known in plans:
            if not plan:
                judged.verdict, judged.record_id = "unchanged", known.id
                return
        fit = [pair for pair in plans if not speaks_against(facts, pair[1])]
        likely = fit if len(fit) == 1 else [pair for pair in fit if _has_more(facts, pair[1])]
        if len(likely) == 1:
            plan, known = likely[0]
            judged.verdict = "update"
        else:
            plan, known = (fit or plans)[0]
            judged.verdict = "duplicate"
            judged.reason = (
                _("Several members of this chapter have this name.")
                if fit
                else _reasons(likeness.compare(_card_of(facts), _card_of_present(known)).reasons)
            )
        judged.record_id, judged.told = known.id, self._told(plan)

    def _told(self, plan: Plan) -> list[list[str]]:
        return plan.told(self.labels, self.meaning.bounds)

    # Who may be here already

    def find_duplicates(self) -> None:
        for ids in batched(self._in_common(), BATCH):
            for known in load_present(ids, tags=False).values():
                card = _card_of_present(known)
                self.meeting.add_member(likeness.blocks(card), known.id)
            self.meeting.pack()
        self.meeting.meet(MOST_IN_A_BLOCK)
        self.store.mark_duplicates(
            [
                (number, None, _("Row %(row)s is the same member already.", row=above), None)
                for number, above in self.store.same_member()
            ]
        )
        for pairs in self.meeting.pairs(_PAIRED):
            self._weigh(pairs)

    def _weigh(self, pairs: Sequence[tuple[int, int, bool]]) -> None:
        """Rows that may be a member, and of the others those that may be a row above."""
        present = load_present(
            {-other for _number, other, _reached in pairs if other < 0}, today=self.meaning.today
        )
        said = self.store.facts_of({number for pair in pairs for number in pair[:2] if number > 0})
        names = {number: (plain[0], plain[1]) for number, plain in said.items()}
        names |= {-number: (known.given, known.family) for number, known in present.items()}
        facts, cards = (
            _Once(lambda number: Facts.from_plain(said[number])),
            _Once(lambda who: _card_of(facts[who]) if who > 0 else _card_of_present(present[-who])),
        )
        found: list[tuple[int, int | None, str, Any]] = []
        for number, met in groupby(pairs, key=itemgetter(0)):
            # Most who meet are brothers and sisters: their names tell that soonest.
            others = [
                other for _number, other, reached in met
                if other in names
                and likeness.may_be(names[number], names[other], reached=reached)
            ]  # fmt: skip
            if likeliest := _likeliest(cards, number, [each for each in others if each < 0]):
                member_id, reason = likeliest
                plan = compare(facts[number], present[member_id])
                found.append((number, member_id, reason, self._told(plan)))
                continue
            for above in (other for other in others if other > 0):
                if why := _twin(cards[number], cards[above]):
                    told = _("Row %(row)s: %(why)s", row=above, why=why)
                    found.append((number, None, told, None))
                    break
        self.store.mark_duplicates(found)

    def _in_common(self) -> Iterator[int]:
        visible = queries.visible_members(self.scope, today=self.meaning.today)
        there = select(Membership.member_id).where(Membership.chapter_id.in_(self.chapters))
        by_chapter = array("q", db.session.scalars(
            visible.with_only_columns(Member.id).where(Member.id.in_(there)),
            execution_options={"yield_per": 5000},
        ))  # fmt: skip
        yield from by_chapter
        if not any(self.reached):
            return
        seen = set(by_chapter)
        own = visible.with_only_columns(Member.id, Member.email, Member.phone).where(
            Member.email.is_not(None) | Member.phone.is_not(None)
        )
        for member_id, email, phone in _streamed(own):
            if member_id not in seen and self._is_reached(email, phone):
                seen.add(member_id)
                yield member_id
        theirs = (
            visible.with_only_columns(
                Member.id, Guardian.id, Guardian.name, Guardian.email, Guardian.phone
            )
            .join(Guardianship, Guardianship.member_id == Member.id)
            .join(Guardian, Guardian.id == Guardianship.guardian_id)
        )
        lines: list[tuple[str, int, str, str | None, str | None]] = []
        for member_id, *guardian in _streamed(theirs):
            if self._is_reached(*guardian[2:]):
                lines += guardian_lines(*guardian)
                if len(lines) >= BATCH:
                    self.store.know_guardians(lines)
                    lines.clear()
                if member_id not in seen:
                    seen.add(member_id)
                    yield member_id
        self.store.know_guardians(lines)

    def _is_reached(self, email: str | None, phone: str | None) -> bool:
        """Whether a row names this way to reach somebody."""
        found = keys(email_key(email), phone_key(phone))
        return any(self.reached[hash(each) % _MARKS] for each in found)


def _streamed(statement: Any) -> Any:
    return db.session.execute(statement, execution_options={"yield_per": 5000})


def guardian_lines(
    number: int, name: str, email: str | None, phone: str | None
) -> list[tuple[str, int, str, str | None, str | None]]:
    """A guardian as the store keeps them: under each way to reach them."""
    return [(key, number, name, email, phone) for key in keys(email_key(email), phone_key(phone))]


def _has_more(facts: Facts, known: Present) -> bool:
    """Whether more than the name is the same."""
    columns, theirs = facts.columns, known.columns
    return (
        (columns.get("graduation_year") or 0) == theirs["graduation_year"]
        or (email_key(columns.get("email")) or 0) == email_key(theirs["email"])
        or (phone_key(columns.get("phone")) or 0) == phone_key(theirs["phone"])
    )


class _Once(dict[int, Any]):
    """What is made of a number when it is first asked for."""

    def __init__(self, make: Callable[[int], Any]):
        super().__init__()
        self.make = make

    def __missing__(self, number: int) -> Any:
        made = self[number] = self.make(number)
        return made


def _likeliest(
    cards: Mapping[int, Card], number: int, known: Sequence[int]
) -> tuple[int, str] | None:
    """The member a row most likely is, and why."""
    pairs = [likeness.compare(cards[number], cards[each], at_least=LIKELY) for each in known]
    likely = [pair for pair in pairs if pair.score >= LIKELY]
    if not likely:
        return None
    best = min(likely, key=lambda pair: (-pair.score, pair.b.member_id))
    return best.b.member_id, _reasons(best.reasons)


def _twin(card: Card, other: Card) -> str | None:
    """Why a row may be the same as one above."""
    pair = likeness.compare(card, other, at_least=LIKELY)
    if pair.score >= LIKELY:
        return _reasons(pair.reasons)
    # A first name alone weighs little, and twice in one list it is still asked about.
    years = {card.graduation_year, other.graduation_year} - {None}
    if (
        card.chapter_ids == other.chapter_ids
        and len(years) < 2
        and _words(card.given, card.family) == _words(other.given, other.family)
    ):
        return _reasons(likeness.compare(card, other).reasons)
    return None


def _reasons(reasons: Sequence[Any]) -> str:
    return " ".join(f"{reason}." for reason in reasons)


def _words(given: str, family: str | None) -> list[str]:
    """The folded words of a name, so that their order does not count."""
    return sorted((*fold(given).split(), *fold(family or "").split()))


def _name_key(one: Facts | Present) -> str:
    return " ".join(_words(one.given, one.family))


# Cards


def _card_of(facts: Facts, member_id: int = 0) -> Card:
    columns = facts.columns
    return Card(
        member_id, facts.given, facts.family, frozenset({facts.chapter_id}),
        columns.get("graduation_year"),
        keys(phone_key(columns.get("phone"))), keys(email_key(columns.get("email"))),
        keys(*(phone_key(each.phone) for each in facts.guardians),
             *(email_key(each.email) for each in facts.guardians)),
        columns.get("age_band") or "unknown",
    )  # fmt: skip


def _card_of_present(known: Present) -> Card:
    columns = known.columns
    held = [guardian for _id, guardian in known.guardians]
    return Card(
        known.id, known.given, known.family, frozenset(known.ever_in), columns["graduation_year"],
        keys(phone_key(columns["phone"])), keys(email_key(columns["email"])),
        keys(*(phone_key(each.phone) for each in held), *(email_key(each.email) for each in held)),
        columns["age_band"],
    )  # fmt: skip


def load_present(
    ids: Collection[int], *, today: Any = None, tags: bool = True
) -> dict[int, Present]:
    """Members as they are, with all a row can change. Four statements."""
    found: dict[int, Present] = {}
    if not ids:
        return found
    names = [getattr(Member, name) for name in COLUMNS]
    for number, pseudonym, given, custom, *values in db.session.execute(
        select(Member.id, Member.pseudonym, Member.given_name, Member.custom, *names).where(
            among(Member.id, ids), *queries.present()
        )
    ):
        found[number] = Present(
            number, pseudonym, given, dict(zip(COLUMNS, values, strict=True)), custom or {}
        )
    for member_id, chapter_id, left_on in db.session.execute(
        select(Membership.member_id, Membership.chapter_id, Membership.left_on).where(
            among(Membership.member_id, found)
        )
    ):
        found[member_id].ever_in.add(chapter_id)
        if left_on is None or (today is not None and left_on > today):
            found[member_id].open_in.add(chapter_id)
    for member_id, number, name, email, phone, relation in db.session.execute(
        select(
            Guardianship.member_id, Guardian.id, Guardian.name, Guardian.email, Guardian.phone,
            Guardianship.relation,
        )
        .join(Guardian, Guardian.id == Guardianship.guardian_id)
        .where(among(Guardianship.member_id, found))
    ):  # fmt: skip
        found[member_id].guardians.append((number, rules.Guardian(name, email, phone, relation)))
    if tags:
        for member_id, kind, search in db.session.execute(
            select(MemberTag.member_id, Tag.kind, Tag.search)
            .join(Tag, Tag.id == MemberTag.tag_id)
            .where(among(MemberTag.member_id, found))
        ):
            found[member_id].tags.add((kind, search))
    return found
