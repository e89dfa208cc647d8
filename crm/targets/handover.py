"""Posts that changed hands in an import, and what still hangs on who held them before.

What may hang on somebody lies in rooms above: campaigns have target lists, outreach waits for
answers. Each registers a `Provider` here, which finds what is open and, where that can be done,
points it to the successor. Open tasks and drafts of letters will come the same way, from the rooms
that keep them, and need nothing of this page. What was logged stays with the person and the term
of its day: no provider touches it.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from flask import Flask, current_app
from flask_babel import gettext as _
from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from crm.accounts.models import User
from crm.core import db
from crm.core.errors import Refused
from crm.targets.models import Post, Target, TargetChange, Term

#: Changes by which somebody leaves a post.
_GOING = ("left", "moved", "district")
_KEY = "crm_handover"


class Person(NamedTuple):
    """Who held or holds a post; and what somebody who went on holds since."""

    target_id: int
    name: str
    now: str | None = None


@dataclass(frozen=True)
class Hanging:
    """One open thing of a predecessor's."""

    #: The provider's own name of it: a campaign's or a list's id.
    key: str
    target_id: int
    #: In words, as after `Ann Alpha is …`: `on the target list of Postcards`.
    told: str
    #: Endpoint and values of its page.
    link: tuple[str, dict[str, Any]] | None = None
    #: Whether this user may point it to the successor.
    movable: bool = False


@dataclass(frozen=True)
class Provider:
    """A kind of open thing. Both are asked in a fixed number of statements."""

    name: str
    #: What is open of these targets, for the eyes of this user.
    find: Callable[[Collection[int], Any], Sequence[Hanging]]
    #: Point one from somebody (id) to somebody else; audited. None: it can only be told.
    repoint: Callable[..., None] | None = None
    #: What is done at a hand-over about those who left (ids) that nobody has to tick; audited.
    leave: Callable[..., None] | None = None


@dataclass
class Handed:
    """A post that changed hands: from whom, to whom, and what is open."""

    post_id: int
    label: str
    before: list[Person] = field(default_factory=list)
    after: list[Person] = field(default_factory=list)
    #: With the provider's name.
    open: list[tuple[str, Hanging]] = field(default_factory=list)

    @property
    def tickable(self) -> bool:
        """Whether anything can be pointed to a successor."""
        return bool(self.after) and any(each.movable for _name, each in self.open)

    def of(self, person: Person) -> list[tuple[str, Hanging]]:
        """What is open of one predecessor."""
        return [each for each in self.open if each[1].target_id == person.target_id]


class Choice(NamedTuple):
    """What somebody ticked: a thing of a provider's, of whom, and to whom it goes."""

    provider: str
    key: str
    from_id: int
    to_id: int


def init_app(app: Flask) -> None:
    """Begin without any provider."""
    app.extensions[_KEY] = {}


def offer(app: Flask, provider: Provider) -> None:
    """Let the page tell of a kind of open thing, in the order of the rooms."""
    app.extensions[_KEY][provider.name] = provider


def providers() -> dict[str, Provider]:
    """All kinds of open things, by name."""
    found: dict[str, Provider] = current_app.extensions[_KEY]
    return found


def handed(run_id: int, user: Any) -> list[Handed]:
    """Posts that changed hands in an import, by label, with what is open of who held them."""
    posts = _with_successors(run_id, _predecessors(run_id))
    held: dict[int, list[Handed]] = {}
    for post in posts:
        for person in post.before:
            held.setdefault(person.target_id, []).append(post)
    if held:
        for provider in providers().values():
            for each in provider.find(held.keys(), user):
                for post in held[each.target_id]:
                    post.open.append((provider.name, each))
    return posts


def hand_over(run_id: int, choices: Iterable[Choice], *, by: User) -> int:
    """Point what was ticked to the successors, all or nothing; how many. Raises `Refused`.

    Each provider records what it did.
    """
    wanted = list(dict.fromkeys(choices))
    if not wanted:
        raise Refused(_("Tick what is to be handed over."))
    possible = {
        Choice(name, each.key, each.target_id, person.target_id)
        for post in handed(run_id, by)
        for name, each in post.open
        if each.movable
        for person in post.after
    }
    if not possible.issuperset(wanted):
        raise Refused(_("Some of this has been handed over meanwhile. Look again and tick anew."))
    for choice in wanted:
        repoint = providers()[choice.provider].repoint
        if repoint is None:
            raise Refused(_("Some of this cannot be handed over."))
        repoint(choice.key, choice.from_id, choice.to_id, by=by)
    gone = {choice.from_id for choice in wanted}
    for provider in providers().values():
        if provider.leave is not None:
            provider.leave(gone, by=by)
    return len(wanted)


def _predecessors(run_id: int) -> dict[int, Handed]:
    """By post: who went in this import; or, of who came to a vacant post, the last who went."""
    came = aliased(TargetChange)
    arrivals = select(came.new_post_id).where(
        came.import_id == run_id, came.new_post_id.is_not(None)
    )
    rows = db.session.execute(
        select(
            Post.id, Post.label, Target.id, Target.name, TargetChange.new, TargetChange.import_id
        )
        .join(TargetChange, TargetChange.old_post_id == Post.id)
        .join(Target, Target.id == TargetChange.target_id)
        .where(
            TargetChange.kind.in_(_GOING),
            (TargetChange.import_id == run_id)
            | ((TargetChange.import_id < run_id) & Post.id.in_(arrivals)),
        )
        .order_by(Post.label, Post.id, TargetChange.import_id.desc(), Target.sort_name)
    )
    posts: dict[int, Handed] = {}
    last: dict[int, int] = {}
    for post_id, label, target_id, name, now, import_id in rows:
        post = posts.setdefault(post_id, Handed(post_id, label))
        if last.setdefault(post_id, import_id) == import_id:
            post.before.append(Person(target_id, name, now))
    return posts


def _with_successors(run_id: int, posts: dict[int, Handed]) -> list[Handed]:
    """Who came to these posts in this import or later and holds them still."""
    rows = db.session.execute(
        select(TargetChange.new_post_id, Target.id, Target.name, func.min(TargetChange.import_id))
        .join(Target, Target.id == TargetChange.target_id)
        .join(
            Term,
            (Term.target_id == Target.id)
            & (Term.post_id == TargetChange.new_post_id)
            & Term.is_current,
        )
        .where(TargetChange.import_id >= run_id, TargetChange.new_post_id.in_(posts))
        .group_by(TargetChange.new_post_id, Target.id, Target.name, Target.sort_name)
        .order_by(Target.sort_name)
    )
    for post_id, target_id, name, _since in rows:
        if post_id is None or target_id in {each.target_id for each in posts[post_id].before}:
            continue
        posts[post_id].after.append(Person(target_id, name))
    return list(posts.values())
