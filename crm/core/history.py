"""Entries of the record told in words: who did what, from what to what, when and why.

Each room registers how its kinds are told: labels of verbs and fields, the words of values, and
the names of what a number stands for, as the reader may see them. What nobody registered is
written readably all the same.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from flask import Flask, current_app
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from sqlalchemy import Select, and_, or_, select

from crm.core import db
from crm.core.audit import FORGETS, AuditEntry
from crm.core.i18n import day
from crm.core.reads import EXPORT, READ
from crm.core.shell import number

#: Members of a list that are named before it says how many more there are.
_NAMED = 8
#: Verbs of which two numbers in a list are what was and what is.
_CHANGING = ("edit_", "correct_", "change_", "move_", "mark_", "replace_")
_VERBS = {READ: _l("Looked at"), EXPORT: _l("Taken away as a file")}
_FIELDS = {
    "what": _l("What"),
    "report": _l("File"),
    "format": _l("Format"),
    "filters": _l("Filters"),
    "reason": _l("Reason"),
}


@dataclass(frozen=True)
class Kind:
    """How the entries of one kind of record are told."""

    label: Any
    verbs: Mapping[str, Any] = field(default_factory=dict)
    fields: Mapping[str, Any] = field(default_factory=dict)
    #: Words for a field that is not among `fields`, such as one an administrator defined.
    more_fields: Callable[[str], Any] | None = None
    #: Fields whose values have words of their own.
    values: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)
    #: Fields, of entries of any kind, whose numbers stand for records of this one. A single number
    #: does where the field ends with `_id`; elsewhere it is a count.
    keys: Collection[str] = ()
    #: Fields of this kind's own entries that hold a number of a record of the kind.
    refs: Mapping[str, str] = field(default_factory=dict)
    #: Names by number, as the reader may see them, and the page of one.
    names: Callable[[Collection[int]], Mapping[int, str]] | None = None
    link: Callable[[int], str] | None = None
    #: Fields that hold a list: two words in it are not what was and what is.
    lists: Collection[str] = ()
    #: Fields that follow from others and tell a person nothing.
    hidden: Collection[str] = ()


def names_of(key: Any, name: Any) -> Callable[[Collection[int]], Mapping[int, str]]:
    """For `Kind.names`: the names of a table's rows, which everybody may read who reads of them."""

    def names(ids: Collection[int]) -> Mapping[int, str]:
        rows = db.session.execute(select(key, name).where(key.in_(ids)))
        return {row[0]: row[1] for row in rows}

    return names


@dataclass(frozen=True)
class Line:
    """One field: what it was and what it is. Both empty: it changed, and the reader may not know
    to what.
    """

    label: str
    old: str = ""
    new: str = ""


@dataclass(frozen=True)
class Told:
    """An entry as a person reads it."""

    at: datetime
    by: str
    what: str
    kind: str
    record: str
    link: str | None
    lines: Sequence[Line]
    reason: str | None
    #: read | export | forgotten, or None.
    mark: str | None


def _nobody(_ids: Collection[int]) -> Mapping[int, str]:
    return {}


#: Set by the members room: the names of users as whoever asks may see them.
name_users: Callable[[Collection[int]], Mapping[int, str]] = _nobody


def init_app(app: Flask) -> None:
    """Open the registry."""
    app.extensions["crm_history"] = {"report": Kind(_l("Report"))}


def add_kind(app: Flask, name: str, kind: Kind) -> None:
    """Register how entries of the kind are told; `name` is the table's, as in an audit entry."""
    app.extensions["crm_history"][name] = kind


def kinds() -> Mapping[str, Kind]:
    """What is registered."""
    found: Mapping[str, Kind] = current_app.extensions["crm_history"]
    return found


def entries_of(
    records: Mapping[str, Collection[int]], *, with_reads: bool = False
) -> Select[AuditEntry]:
    """The entries of some records (ids by kind), the newest first; reads only when asked for."""
    theirs = [
        and_(AuditEntry.kind == kind, AuditEntry.record_id.in_(ids))
        for kind, ids in records.items()
        if ids
    ]
    found = select(AuditEntry).where(or_(*theirs))
    if not with_reads:
        found = found.where(AuditEntry.verb.not_in((READ, EXPORT)))
    return found.order_by(AuditEntry.at.desc(), AuditEntry.id.desc())


def tell(
    entries: Iterable[AuditEntry],
    *,
    withheld: Mapping[tuple[str, int | None], Collection[str]] | None = None,
    always: Mapping[str, Collection[str]] | None = None,
) -> list[Told]:
    """The entries in words: one question to each kind that is named, however many entries.

    `withheld` are fields of one record, `always` fields of a kind, of which only that they changed
    is told.
    """
    rows = list(entries)
    known = kinds()
    keys = {key: name for name, kind in known.items() for key in kind.keys}
    names = _Names(known, keys)
    for row in rows:
        names.want(row.kind, [row.record_id])
        for key, value in row.changes.items():
            if of := names.kind_of(known.get(row.kind), key):
                names.want(of, _numbers(value))
    users = name_users({row.by_id for row in rows if row.by_id is not None})
    told = []
    for row in rows:
        kind = known.get(row.kind)
        unsaid = {
            *((withheld or {}).get((row.kind, row.record_id), ())),
            *((always or {}).get(row.kind, ())),
        }
        told.append(
            Told(
                at=row.at,
                by=_by(row, users),
                what=verb_label(row.verb, kind),
                kind=kind_label(row.kind),
                record=names.of(row.kind, row.record_id) if row.record_id is not None else "",
                link=kind.link(row.record_id)
                if kind and kind.link and row.record_id is not None
                else None,
                lines=_lines(row, kind, names, unsaid),
                reason=row.reason,
                mark=_mark(row),
            )
        )
    return told


def verb_label(verb: str, kind: Kind | None = None) -> str:
    """What was done, in words."""
    if kind is not None and verb in kind.verbs:
        return str(kind.verbs[verb])
    if verb in _VERBS:
        return str(_VERBS[verb])
    if verb.startswith(FORGETS):
        return _("Forgotten")
    return _readable(verb)


def kind_label(kind: str) -> str:
    """What it was done to, in words."""
    known = kinds().get(kind)
    return str(known.label) if known else _readable(kind)


def field_label(name: str, kind: Kind | None = None) -> str:
    """A field's name in words."""
    if kind is not None and name in kind.fields:
        return str(kind.fields[name])
    if kind is not None and kind.more_fields and (words := kind.more_fields(name)):
        return str(words)
    if name in _FIELDS:
        return str(_FIELDS[name])
    return _readable(name.removesuffix("_id"))


def _readable(name: str) -> str:
    """`keep_apart` → “Keep apart”."""
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def _mark(row: AuditEntry) -> str | None:
    if row.verb in (READ, EXPORT):
        return row.verb
    if row.verb == "export_people":
        return EXPORT
    return "forgotten" if row.seq is not None and row.salt is None else None


def _by(row: AuditEntry, users: Mapping[int, str]) -> str:
    if row.by_id is not None:
        return users.get(row.by_id) or _("Somebody who is gone")
    # A request nobody signed in for came by a link; without a request it was a command.
    return _("Somebody by a link") if row.request_id else _("A command")


class _Names:
    """Names of records of many kinds, asked for once a kind."""

    def __init__(self, known: Mapping[str, Kind], keys: Mapping[str, str]):
        self.known = known
        self.keys = keys
        self.wanted: dict[str, set[int]] = {}
        self.found: dict[str, Mapping[int, str]] = {}

    def kind_of(self, kind: Kind | None, key: str) -> str | None:
        """What the numbers in a field stand for."""
        return (kind.refs.get(key) if kind else None) or self.keys.get(key)

    def want(self, kind: str, ids: Iterable[int | None]) -> None:
        self.wanted.setdefault(kind, set()).update(each for each in ids if each is not None)

    def of(self, kind: str, record_id: int) -> str:
        """The name; the number where there is none to be seen."""
        if kind not in self.found:
            known, ids = self.known.get(kind), self.wanted.get(kind)
            self.found[kind] = known.names(ids) if known and known.names and ids else {}
        return self.found[kind].get(record_id) or _("no. %(number)s", number=record_id)


def _lines(
    row: AuditEntry, kind: Kind | None, names: _Names, unsaid: Collection[str]
) -> list[Line]:
    lines = []
    for key, value in row.changes.items():
        if kind is not None and key in kind.hidden:
            continue
        label = field_label(key, kind)
        if key in unsaid:
            lines.append(Line(label))
            continue

        def said(part: Any, key: str = key) -> str:
            return _said(key, part, kind, names)

        if _is_pair(row.verb, value, is_list=kind is not None and key in kind.lists):
            old, new = value
            if isinstance(old, list | dict) and isinstance(new, list | dict):
                old, new = _apart(old, new)
            lines.append(Line(label, said(old), said(new)))
        # Of what is new, a no and a nought tell nothing.
        elif value and (text := said(value)):
            lines.append(Line(label, new=text))
    return lines


def _is_pair(verb: str, value: Any, *, is_list: bool = False) -> bool:
    if not isinstance(value, list) or len(value) != 2 or verb == READ:
        return False
    if is_list:
        return all(isinstance(each, list) for each in value)
    return verb.startswith(_CHANGING) or not all(isinstance(each, int | dict) for each in value)


def _apart(old: Any, new: Any) -> tuple[Any, Any]:
    """Two long lists without what is in both: a correction of one name is not all of them."""
    if isinstance(old, dict) and isinstance(new, dict):
        return (
            {key: value for key, value in old.items() if new.get(key) != value},
            {key: value for key, value in new.items() if old.get(key) != value},
        )
    if isinstance(old, list) and isinstance(new, list):
        return [each for each in old if each not in new], [each for each in new if each not in old]
    return old, new


def _said(key: str, value: Any, kind: Kind | None, names: _Names) -> str:
    if value is None or value in ("", [], {}):
        return ""
    if kind is not None and key in kind.values:
        return str(kind.values[key](value))
    of = names.kind_of(kind, key)
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, int) and of and (key.endswith("_id") or (kind and key in kind.refs)):
        return names.of(of, value)
    if isinstance(value, int | float):
        return str(value) if _is_year(key) else number(value)
    if isinstance(value, str):
        return _day(value)
    if isinstance(value, Mapping):
        if of and all(str(each).isdigit() for each in value):
            return _some([_counted(names.of(of, int(k)), v) for k, v in value.items()])
        return _some([f"{_readable(str(k))}: {_said(str(k), v, kind, names)}"
                      for k, v in value.items() if v not in (None, "", [], {})])  # fmt: skip
    if isinstance(value, list):
        return _some([_item(each, of, kind, names) for each in value])
    return str(value)


def _item(value: Any, of: str | None, kind: Kind | None, names: _Names) -> str:
    if of and isinstance(value, int):
        return names.of(of, value)
    if of and isinstance(value, Mapping) and (found := _numbers([value])):
        return _counted(names.of(of, found[0]), value.get("pieces"))
    return _said("", value, kind, names)


def _counted(name: str, pieces: Any) -> str:
    return f"{name} ({number(pieces)})" if isinstance(pieces, int) else name


def _some(texts: Sequence[str]) -> str:
    shown = ", ".join(each for each in texts[:_NAMED] if each)
    if (rest := len(texts) - _NAMED) > 0:
        return f"{shown} {ngettext('and %(num)s more', 'and %(num)s more', rest)}"
    return shown


def _numbers(value: Any) -> list[int]:
    """The ids in a value: a number, a list of them, ids → pieces, rows of a snapshot."""
    if isinstance(value, bool):
        return []
    if isinstance(value, int):
        return [value]
    if isinstance(value, Mapping):
        if value and all(str(each).isdigit() for each in value):
            return [int(each) for each in value]
        for name in ("target_id", "member_id", "id"):
            if isinstance(value.get(name), int):
                return [value[name]]
        return []
    if isinstance(value, list):
        return [each for part in value for each in _numbers(part)]
    return []


def _is_year(key: str) -> bool:
    return key.endswith("year")


def _day(text: str) -> str:
    if len(text) == 10 and text[4:5] == "-":
        try:
            return day(date.fromisoformat(text))
        except ValueError:
            return text
    return text
