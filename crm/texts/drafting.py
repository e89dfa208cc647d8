"""From what was typed in the editor to words that can be kept: what stands in square brackets and
what is no field there is become questions, and the answers are carried out. Pure but for the names
of fields."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from crm.core.forms import parse_id
from crm.texts import fields, own_fields
from crm.texts.models import TextVersion
from crm.texts.own_fields import OwnField
from crm.texts.rules import key_of, names_in, placeholders, with_fields
from crm.treaties.queries import Ledger

#: Rows of own fields that are read of a form.
_MOST_ROWS = 80


@dataclass(frozen=True)
class Question:
    """Something of the text that is to be decided: what it is called, and what it may become."""

    #: Of the select that answers it.
    input: str
    typed: str
    #: The field there is that may be meant.
    near: str | None
    #: The name of a field of the text's own.
    name: str
    #: Whether that field is offered first.
    is_near_first: bool = True


@dataclass
class Drafted:
    """What the editor shows again, or what is kept."""

    subject: str
    body: str
    own: list[OwnField] = field(default_factory=list)
    #: Square brackets and unknown fields nobody decided yet.
    brackets: list[Question] = field(default_factory=list)
    unknown: list[Question] = field(default_factory=list)
    #: Fields made of brackets: texts, until somebody says otherwise below the words.
    made: list[OwnField] = field(default_factory=list)

    @property
    def is_settled(self) -> bool:
        """Whether nothing is to be decided."""
        return not self.brackets and not self.unknown


def drafted(
    subject: str,
    body: str,
    form: Mapping[str, str],
    before: TextVersion | None,
    ledger: Ledger | None = None,
    *,
    to_members: bool = False,
) -> Drafted:
    """Carry out what was decided. Raises `Refused` for words that cannot be read.

    Brackets that the version before had are left alone: they were asked about then. `to_members`:
    there is no target, and what asks for one is a question.
    """
    words = Drafted(subject, body)
    _brackets(words, form, before, to_members)
    names = names_in(words.subject, words.body)
    rows = {each.key: each for each in (*words.made, *own_rows(form))}
    kept = {key: row for key, row in rows.items() if key in names}
    for name, near in fields.unknown(names, kept, ledger, to_members=to_members).items():
        answer = form.get(f"unknown-{key_of(name)}", "")
        kind, _colon, chosen = answer.partition(":")
        if kind == "own" and chosen in own_fields.KINDS:
            kept[key_of(name)] = OwnField(name, kind=chosen)
        elif kind == "use" and chosen == near:
            words.subject = renamed(words.subject, name, chosen)
            words.body = renamed(words.body, name, chosen)
        else:
            words.unknown.append(Question(f"unknown-{key_of(name)}", name, near, name))
    words.own = [kept[key] for key in names if key in kept]
    return words


def _brackets(
    words: Drafted, form: Mapping[str, str], before: TextVersion | None, to_members: bool
) -> None:
    left = f"{before.subject or ''}\n{before.body}" if before is not None else ""
    chosen: dict[str, str] = {}
    for each in (*placeholders(words.subject), *placeholders(words.body)):
        name = " ".join(each.name.split())
        if each.typed in left or each.typed in chosen:
            continue
        # `[Date]` may be the day it is printed; what a catalogue has is offered first.
        key = key_of(name)
        near = fields.pasted(key, to_members=to_members) or fields.nearest(
            key, to_members=to_members
        )
        known = fields.BY_KEY.get(key)
        if known is not None and known in fields.catalogue(to_members=to_members):
            near = known.name
        answer = form.get(f"bracket-{each.typed}", "")
        chosen[each.typed] = ""
        if answer == "own":
            chosen[each.typed] = name
            words.made.append(OwnField(name))
        elif answer == "use" and near is not None:
            chosen[each.typed] = near
        elif answer != "leave":
            words.brackets.append(
                Question(
                    f"bracket-{each.typed}",
                    each.typed,
                    near,
                    name,
                    fields.pasted(key, to_members=to_members) is None,
                )
            )
    words.subject = with_fields(words.subject, chosen)
    words.body = with_fields(words.body, chosen)


def renamed(words: str, old: str, new: str) -> str:
    """The words with one field called by another's name."""

    def called(match: re.Match[str]) -> str:
        return f"{match[1]}{new}{match[3]}" if key_of(match[2]) == key_of(old) else match[0]

    return re.sub(
        r"(\(\(\s*(?:not\s+)?)([^()?\n]+?)(\s*(?:\)\)|\?\?))", called, words, flags=re.IGNORECASE
    )


def own_rows(form: Mapping[str, str]) -> list[OwnField]:
    """The rows of the text's own fields, as they were typed."""
    found = []
    for at in range(_MOST_ROWS):
        name = form.get(f"own-{at}-name")
        if name is None:
            break
        if not name.strip():
            continue
        kind = form.get(f"own-{at}-kind", "text")
        most = parse_id(form.get(f"own-{at}-most", "").strip())
        choices = form.get(f"own-{at}-choices", "")
        found.append(
            OwnField(
                name=" ".join(name.split()),
                kind=kind,
                label=form.get(f"own-{at}-label", "").strip(),
                help=form.get(f"own-{at}-help", "").strip(),
                most=most if kind in ("text", "number") else None,
                choices=tuple(_choices(choices)) if kind == "choice" else (),
            )
        )
    return found


def _choices(typed: str) -> Iterable[str]:
    return dict.fromkeys(filter(None, (each.strip() for each in re.split(r"[;\n]", typed))))
