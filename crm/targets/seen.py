"""What an import saw change, in words: one line for one thing that changed for a person. Pure.

The writer compares rows; a person reads news. Somebody who left gives one line, not one more for
each office, committee seat and term that went with it; a new name is one line, whatever is derived
from it. What follows from another change is not told beside it.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

from flask_babel import gettext as _

from crm.core.changes import Change
from crm.targets import rules

#: Parts of a name, in the order they are written. A display name and what is derived stand beside.
_NAME = ("given_name", "additional_name", "family_name", "suffix", "nickname")
#: Columns of a target that are derived from others, or say where a fact is from.
_DERIVED = frozenset({"sort_name", "search", "source", "name", *_NAME})


class Held(NamedTuple):
    """The present term, as it was or is."""

    row: int
    post_id: int
    starts_on: date | None
    ends_on: date | None
    party: str | None
    caucus: str | None


class PostWords(NamedTuple):
    """A post as its holders' changes speak of it."""

    label: str
    body: str
    area: str | None
    district: str | None


class Contact(NamedTuple):
    """A contact point's values."""

    kind: str
    label: str
    value: str
    parts: dict[str, Any] | None


class ContactChange(NamedTuple):
    """A contact point that appeared (no `old`), closed (no `new`) or changed."""

    key: str
    old: Contact | None
    new: Contact | None


#: Title, rank and side of a committee seat.
SeatValues = tuple[str | None, int | None, str | None]


@dataclass(slots=True)
class Differences:
    """How what is known of one target and what a source says differ, row by row."""

    key: str
    name: str
    is_new: bool = False
    has_left: bool = False
    before: Held | None = None
    after: Held | None = None
    #: Column of the target → (old, new).
    columns: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    #: (scheme, identifier).
    lost: list[tuple[str, str]] = field(default_factory=list)
    gained: list[tuple[str, str]] = field(default_factory=list)
    #: Past terms that were added or corrected: what, old, new.
    past_terms: list[tuple[str, str | None, str | None]] = field(default_factory=list)
    contacts: list[ContactChange] = field(default_factory=list)
    #: (body, old values, new values).
    seats: list[tuple[int, SeatValues | None, SeatValues | None]] = field(default_factory=list)


class Seen(NamedTuple):
    """One thing that changed for one target. `kind` is one of `rules.CHANGES`."""

    target_id: int
    key: str
    name: str
    kind: str
    #: What of it, as words: `DC phone`, `Committee on Finance`.
    what: str
    old: str | None
    new: str | None
    old_post_id: int | None = None
    new_post_id: int | None = None

    @property
    def change(self) -> Change:
        """The line of a changes file."""
        return change_of(self.kind, self.key, self.name, self.what, self.old, self.new)


def change_of(
    kind: str, key: str, name: str, what: str, old: str | None, new: str | None
) -> Change:
    """The line of a changes file. A seat on a committee is told by the committee's name."""
    if kind == "committee":
        if old and new:
            old, new = f"{what}: {old}", f"{what}: {new}"
        else:
            old, new = what if old else None, what if new else None
    return Change(kind, key, name, old or "", new or "")


def told(
    found: Mapping[int, Differences],
    posts: Mapping[int, PostWords],
    bodies: Mapping[int, tuple[str, str]],
    of_the_post: Collection[str],
) -> list[Seen]:
    """All that changed, by kind and name.

    `bodies` gives a committee's key and name, `of_the_post` the beginnings of the keys of contact
    points that come and go with the post.
    """
    rows = [
        row
        for target_id, each in found.items()
        for row in _of_one(target_id, each, posts, bodies, tuple(of_the_post))
    ]
    order = {kind: place for place, kind in enumerate(rules.CHANGES)}
    return sorted(rows, key=lambda row: (order[row.kind], row.name, row.key))


def summary(rows: Iterable[Seen]) -> dict[str, int]:
    """Word of the summary → how many people, in the order of `rules.CHANGES`."""
    people = Counter({(row.kind, row.target_id): 1 for row in rows})
    kinds = Counter(kind for kind, _target_id in people)
    return {word: kinds[kind] for kind, word in rules.SUMMARY.items()}


def _of_one(
    target_id: int,
    each: Differences,
    posts: Mapping[int, PostWords],
    bodies: Mapping[int, tuple[str, str]],
    of_the_post: tuple[str, ...],
) -> list[Seen]:
    def seen(
        kind: str, what: str, old: str | None, new: str | None,
        old_post_id: int | None = None, new_post_id: int | None = None,
    ) -> Seen:  # fmt: skip
        return Seen(target_id, each.key, each.name, kind, what, old, new, old_post_id, new_post_id)

    before, after = each.before, each.after
    label_before = posts[before.post_id].label if before else None
    label_after = posts[after.post_id].label if after else None
    # Who is still listed and holds no post any more has left it too.
    if each.has_left or (before is not None and after is None):
        post_id = before.post_id if before else None
        return [seen("left", _("office"), label_before, None, post_id)]
    if each.is_new or (before is None and after is not None):
        post_id = after.post_id if after else None
        return [seen("arrived", _("office"), None, label_after, None, post_id)]
    rows: list[Seen] = []
    has_moved = before is not None and after is not None and before.post_id != after.post_id
    if before and after:
        if has_moved:
            old, new = posts[before.post_id], posts[after.post_id]
            held = (before.post_id, after.post_id)
            if _is_redrawn(old, new):
                names = (_seat_name(old), _seat_name(new))
                rows.append(seen("district", _("district"), *names, *held))
            else:
                rows.append(seen("moved", _("office"), old.label, new.label, *held))
        if before.party != after.party:
            rows.append(seen("party", _("party"), before.party, after.party))
        elif before.caucus != after.caucus:
            rows.append(seen("other", _("caucus"), before.caucus, after.caucus))
        if not has_moved:
            rows += [seen("other", *words) for words in _of_term(before, after)]
    rows += [seen("name", *words) for words in _of_name(each.columns)]
    rows += [seen("other", *words) for words in _of_columns(each, has_moved)]
    rows += [seen("other", *words) for words in _of_identifiers(each)]
    rows += [seen("other", *words) for words in each.past_terms]
    # What hangs on a post changes with it.
    gone = of_the_post if has_moved else ()
    points = [point for point in each.contacts if not gone or not point.key.startswith(gone)]
    rows += [seen("contact", *words) for words in _of_contacts(points)]
    chamber = posts[before.post_id].body if before and has_moved else None
    for body_id, old_seat, new_seat in each.seats:
        key, name = bodies[body_id]
        if new_seat is None and chamber and key.startswith(f"{chamber}/"):
            continue
        rows.append(seen("committee", name, *_of_seat(old_seat, new_seat)))
    return rows


# Posts and terms


def _is_redrawn(old: PostWords, new: PostWords) -> bool:
    """Whether two posts are districts of one chamber in one state, and not classes of a seat."""
    return old.body == new.body != "us/senate" and old.area == new.area


def _seat_name(post: PostWords) -> str:
    return rules.seat_name(post.area, post.district) if post.district else post.label


def _of_term(before: Held, after: Held) -> Sequence[tuple[str, str | None, str | None]]:
    """A new term in the same post, or other dates of the same one."""
    if before.ends_on != after.ends_on:
        return [(_("term"), _day(before.ends_on), _day(after.ends_on))]
    # Where the party changed the part of the term begins that day: it is told already.
    if before.starts_on != after.starts_on and before.party == after.party:
        return [(_("term's first day"), _day(before.starts_on), _day(after.starts_on))]
    return []


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None


# Names and other facts of the person


def _of_name(
    columns: Mapping[str, tuple[Any, Any]],
) -> Sequence[tuple[str, str | None, str | None]]:
    """One line, whichever parts of the name changed: the written name where that did, else them."""
    parts = [part for part in _NAME if part in columns]
    if "name" in columns:
        return [(_("name"), *columns["name"])]
    if not parts:
        return []
    old, new = (" ".join(columns[part][at] or "" for part in parts).strip() for at in (0, 1))
    what = rules.NAME_PARTS[parts[0]] if len(parts) == 1 else _("name")
    return [(str(what), old or None, new or None)]


def _of_columns(each: Differences, has_moved: bool) -> Iterable[tuple[str, str | None, str | None]]:
    named = any(part in each.columns for part in ("name", *_NAME))
    for column, (old, new) in each.columns.items():
        if column in _DERIVED or (column == "salutation" and (named or has_moved)):
            continue
        yield str(rules.COLUMNS.get(column, column)), old, new


def _of_identifiers(each: Differences) -> Iterable[tuple[str, str | None, str | None]]:
    """An identifier that another of its scheme took the place of is one line."""
    lost: dict[str, list[str]] = {}
    for scheme, identifier in each.lost:
        lost.setdefault(scheme, []).append(identifier)
    for scheme, identifier in each.gained:
        before = lost[scheme].pop(0) if lost.get(scheme) else None
        yield _("%(scheme)s identifier", scheme=scheme), before, identifier
    for scheme, rest in lost.items():
        for identifier in rest:
            yield _("%(scheme)s identifier", scheme=scheme), identifier, None


# Contact points


def _of_contacts(
    points: Sequence[ContactChange],
) -> Iterable[tuple[str, str | None, str | None]]:
    """One line a contact point, and one for an office that opened, closed or moved as a whole.

    A phone that only bears another town's name since its office moved has not changed.
    """
    opened: dict[str, list[ContactChange]] = {}
    closed: dict[str, list[ContactChange]] = {}
    single: list[ContactChange] = []
    whole = {
        (_office(point.key), point.old is None)
        for point in points
        if point.key.endswith("/postal") and (point.old is None or point.new is None)
    }
    for point in points:
        office = _office(point.key)
        if point.new is None and (office, False) in whole:
            closed.setdefault(office, []).append(point)
        elif point.old is None and (office, True) in whole:
            opened.setdefault(office, []).append(point)
        elif _values(point.old) != _values(point.new):
            single.append(point)
    for after in opened.values():
        before = next((name for name, old in closed.items() if _is_same_office(old, after)), None)
        old = closed.pop(before) if before else []
        if old and _address(old) == _address(after):
            single += _under_another_key(old, after)
        else:
            yield _office_words(old or after), _address(old), _address(after)
    for before_points in closed.values():
        yield _office_words(before_points), _address(before_points), None
    for point in single:
        shown = point.new or point.old
        assert shown is not None  # noqa: S101 - one of the two is there
        what = f"{shown.label} {str(rules.CONTACT_KINDS.get(shown.kind, shown.kind)).lower()}"
        yield what, *_point_words(point.old, point.new)


def _under_another_key(
    closed: Iterable[ContactChange], opened: Iterable[ContactChange]
) -> list[ContactChange]:
    """What differs of an office that stayed where it is and was only given another key."""
    old = {point.old.kind: point.old for point in closed if point.old is not None}
    new = {point.new.kind: point.new for point in opened if point.new is not None}
    return [
        ContactChange(kind, old.get(kind), new.get(kind))
        for kind in {**old, **new}
        if _values(old.get(kind)) != _values(new.get(kind))
    ]


def _office(key: str) -> str:
    """The office a contact point is of: `office/X000001-elmtown`; itself where it is of none."""
    return key.rpartition("/")[0] if key.count("/") > 1 else key


def _values(contact: Contact | None) -> tuple[Any, ...] | None:
    return (contact.kind, contact.value, contact.parts) if contact else None


def _is_same_office(closed: Iterable[ContactChange], opened: Iterable[ContactChange]) -> bool:
    """Whether an office lives on under another key: its number, or its street, went along."""

    def signs(points: Iterable[Contact | None]) -> set[str]:
        found: set[str] = set()
        for point in points:
            if point is not None and point.kind != "postal":
                found.add(point.value)
            elif point is not None and (street := (point.parts or {}).get("street")):
                found.add(street)
        return found

    return bool(signs(each.old for each in closed) & signs(each.new for each in opened))


def _office_words(points: Iterable[ContactChange]) -> str:
    labels = [shown.label for point in points if (shown := point.new or point.old)]
    return _("%(place)s office", place=labels[0])


def _address(points: Iterable[ContactChange]) -> str | None:
    for point in points:
        shown = point.new or point.old
        if shown is not None and shown.kind == "postal":
            return _line(shown.value)
    return None


def _point_words(old: Contact | None, new: Contact | None) -> tuple[str | None, str | None]:
    if old and new and old.value == new.value:
        before, after = old.parts or {}, new.parts or {}
        differ = sorted(
            part for part in before.keys() | after.keys() if before.get(part) != after.get(part)
        )
        return _parts(before, differ), _parts(after, differ)
    return _line(old.value) if old else None, _line(new.value) if new else None


def _parts(parts: Mapping[str, Any], differ: Iterable[str]) -> str | None:
    return ", ".join(f"{part} {parts[part]}" for part in differ if part in parts) or None


def _line(value: str) -> str:
    return value.replace("\n", ", ")


# Committees


def _of_seat(old: SeatValues | None, new: SeatValues | None) -> tuple[str | None, str | None]:
    if old and new and old[:2] == new[:2]:
        return old[2], new[2]
    return _seat_words(old), _seat_words(new)


def _seat_words(seat: SeatValues | None) -> str | None:
    if seat is None:
        return None
    title, rank, _side = seat
    words = title or _("member")
    return f"{words}, {_('rank %(number)s', number=rank)}" if rank is not None else words
