"""From what was typed on the form to ids and numbers: targets, and people who took part.

What is not sure comes back as questions for the person; nothing is guessed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from flask_babel import gettext as _
from sqlalchemy import select

from crm.campaigns.models import CampaignTarget
from crm.campaigns.queries import target_ids
from crm.core import db
from crm.core.errors import Refused
from crm.core.text import fold
from crm.members.disclosure import Exit, Viewer, disclose
from crm.members.matching import Candidate, Match, match_names, parse_roster, reason_text
from crm.targets.list_queries import list_target_ids
from crm.targets.models import Post, TargetList, Term
from crm.targets.queries import match_targets

#: Lines of a list of targets or of a roster.
MOST_LINES = 1_000
NEW, NAMELESS = "new", "nameless"


@dataclass(frozen=True)
class Option:
    """One answer to a question."""

    value: str
    label: str
    note: str = ""


@dataclass(frozen=True)
class Question:
    """A typed name and whom it may mean; `chosen` is the answer already given, if any."""

    field: str
    typed: str
    options: Sequence[Option]
    chosen: str | None
    #: What is picked beforehand where one answer is likely; saving confirms it.
    likely: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether it still needs an answer."""
        return self.chosen is None


@dataclass(frozen=True)
class Newcomer:
    """Somebody on the roster who becomes a member."""

    given_name: str
    family_name: str | None
    number: int | None


@dataclass(frozen=True)
class Reached:
    """Targets with the number typed behind each."""

    numbers: Sequence[tuple[int, int | None]]
    questions: Sequence[Question] = ()


@dataclass(frozen=True)
class People:
    """Who took part, with the number typed for each."""

    numbers: Sequence[tuple[int, int | None]]
    newcomers: Sequence[Newcomer]
    questions: Sequence[Question]


def all_of_campaign(campaign_id: int) -> Reached:
    """Every target on the campaign's list."""
    return _none_refused(
        target_ids(campaign_id),
        _("This campaign has no targets on its list yet. Choose them by name."),
    )


def all_of_area(campaign_id: int, area: str | None) -> Reached:
    """The campaign's targets that hold a post of this state now."""
    if not area:
        raise Refused(_("Choose the state."), "area")
    found = (
        select(CampaignTarget.target_id)
        .join(Term, Term.target_id == CampaignTarget.target_id)
        .join(Post, Post.id == Term.post_id)
        .where(CampaignTarget.campaign_id == campaign_id, Term.is_current, Post.area == area)
        .order_by(CampaignTarget.target_id)
    )
    return _none_refused(
        db.session.scalars(found).unique().all(),
        _("None of the campaign's targets is of this state."),
        "area",
    )


def all_of_list(slug: str | None) -> Reached:
    """Every target on a list; of one by rule, those it finds on its own day."""
    if not slug:
        raise Refused(_("Choose the list."), "target_list")
    kept = db.session.scalars(select(TargetList).where(TargetList.slug == slug)).one_or_none()
    found = sorted(list_target_ids(kept)) if kept is not None else []
    return _none_refused(found, _("This list is empty."), "target_list")


def _none_refused(ids: Iterable[int], sentence: str, field: str = "aim") -> Reached:
    if not (numbers := [(target, None) for target in ids]):
        raise Refused(sentence, field)
    return Reached(numbers)


def chosen_targets(text: str, answers: Mapping[str, str]) -> Reached:
    """Targets typed one a line, a number behind each if wanted.

    Raises `Refused` for names nobody has and for a target that stands twice.
    """
    lines = [line for line in text.splitlines() if line.strip(" \t,;")]
    if not lines:
        raise Refused(_("Type the targets, one a line."), "chosen")
    if len(lines) > MOST_LINES:
        raise Refused(_("Use at most %(most)s lines.", most=MOST_LINES), "chosen")
    numbers: list[tuple[int, int | None]] = []
    questions: list[Question] = []
    unknown: list[str] = []
    for match in match_targets(lines):
        if match.status == "none":
            unknown.append(match.name)
            continue
        if match.target_id is not None:
            numbers.append((match.target_id, match.number))
            continue
        question = _ask(
            "target",
            match.name,
            [Option(str(c.target_id), c.name, c.office) for c in match.candidates],
            answers,
        )
        questions.append(question)
        if question.chosen is not None:
            numbers.append((int(question.chosen), match.number))
    if unknown:
        raise Refused(
            _(
                "Not found: %(names)s. Check the spelling, or add the target first.",
                names=", ".join(f"“{name[:60]}”" for name in unknown[:8]),
            ),
            "chosen",
        )
    _refuse_twice([target for target, _number in numbers], "chosen")
    return Reached(numbers, questions)


def people_who_took_part(
    ticked: Mapping[int, int | None],
    roster: str,
    *,
    near: Sequence[Candidate],
    all_seen: Sequence[Candidate],
    answers: Mapping[str, str],
    may_add_to: str | None,
    to: Viewer,
) -> People:
    """Who is ticked and who stands on the pasted roster.

    `near` are the members of the chapters that did it; a name none of them has is looked for among
    `all_seen`, and then asked about. `may_add_to` names the chapter that newcomers join.
    """
    lines = parse_roster(roster)
    if len(lines) > MOST_LINES:
        raise Refused(_("Use at most %(most)s lines.", most=MOST_LINES), "roster")
    if faults := [line.error for line in lines if line.error]:
        raise Refused(" ".join(faults[:5]), "roster")
    numbers: dict[int, int | None] = dict(ticked)
    newcomers: list[Newcomer] = []
    questions: list[Question] = []
    names = [line.name for line in lines]
    wider = dict(zip(names, match_names(names, all_seen), strict=True)) if all_seen else {}
    for line, match in zip(lines, match_names(names, near), strict=True):
        if match.repeats is not None:
            raise Refused(
                _("“%(name)s” stands twice on the roster.", name=line.name[:60]), "roster"
            )
        if match.sure is not None:
            _add(numbers, match.sure.id, line.count, ticked, line.name)
            continue
        question = _ask_who(match, wider.get(line.name), answers, may_add_to)
        questions.append(question)
        if question.chosen == NEW:
            newcomers.append(Newcomer(match.given_name, match.family_name, line.count))
        elif question.chosen is not None and question.chosen != NAMELESS:
            _add(numbers, int(question.chosen), line.count, ticked, line.name)
    return People(list(numbers.items()), newcomers, _as_shown(questions, to))


def _as_shown(questions: Sequence[Question], to: Viewer) -> list[Question]:
    """The questions with members called what this viewer may call them."""
    ids = {int(o.value) for q in questions for o in q.options if o.value.isdecimal()}
    shown = disclose(ids, to=to, exit=Exit.PAGE) if ids else {}
    return [
        replace(
            question,
            options=[
                replace(option, label=shown[int(option.value)].name)
                if option.value.isdecimal()
                else option
                for option in question.options
            ],
        )
        for question in questions
    ]


def _add(
    numbers: dict[int, int | None],
    member_id: int,
    count: int | None,
    ticked: Mapping[int, int | None],
    name: str,
) -> None:
    """Take a roster line; somebody who is ticked as well may have a number once."""
    both = member_id in numbers and numbers[member_id] is not None and count is not None
    if both or (member_id in numbers and member_id not in ticked):
        raise Refused(_("“%(name)s” is counted twice.", name=name[:60]), "roster")
    if count is not None or member_id not in numbers:
        numbers[member_id] = count


def _ask_who(
    match: Match, wider: Match | None, answers: Mapping[str, str], may_add_to: str | None
) -> Question:
    possible = list(match.unsure)
    options = [
        Option(
            str(each.candidate.id),
            each.candidate.full_name,
            f"{each.candidate.chapter} · {reason_text(each.reason)}",
        )
        for each in possible
    ]
    if not options and wider is not None:
        others = [wider.sure] if wider.sure else [each.candidate for each in wider.unsure]
        options = [
            Option(
                str(each.id),
                each.full_name,
                _("of another chapter: %(chapter)s", chapter=each.chapter),
            )
            for each in others
        ]
    likely = None if options else NAMELESS
    if may_add_to:
        full = f"{match.given_name} {match.family_name or ''}".strip()
        options.append(Option(NEW, _("Add %(name)s as a new member", name=full), may_add_to))
        likely = likely and NEW
    options.append(Option(NAMELESS, _("Count without a name")))
    return _ask("member", match.typed, options, answers, likely)


def question_field(about: str, typed: str) -> str:
    """Name of the input that answers whom a typed name means; `about` is target | member."""
    return f"{about}:{'-'.join(fold(typed).split())}"


def _ask(
    about: str,
    typed: str,
    options: Sequence[Option],
    answers: Mapping[str, str],
    likely: str | None = None,
) -> Question:
    field = question_field(about, typed)
    given = answers.get(field)
    chosen = given if given in {option.value for option in options} else None
    return Question(field, typed, options, chosen, likely)


def _refuse_twice(ids: Sequence[int], field: str) -> None:
    if len(set(ids)) < len(ids):
        raise Refused(_("A target stands twice: write it once, with one number."), field)
