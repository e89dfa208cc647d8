"""Tasks that a higher room carries out: it logs for them, and they lead to its page.

A task that carries itself logs its own outreach when it is done. A pack's does not: its pieces
become prepared, and are logged when they are posted. Such a room offers a `Carrier` here in its
`init_app` and tells the task by `operations.carry` how far it is.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from flask import Flask, current_app

from crm.accounts.models import User
from crm.tasks.models import Task

_KEY = "crm_task_carriers"


@dataclass(frozen=True)
class Carrier:
    """A room that carries tasks out. `name` is what `Task.carrier` holds."""

    name: str
    #: The page of what the task is of.
    link: Callable[[Task], str]
    #: So many more were done, by target: `finish(task, now, by, today)`. `now` are all that were
    #: left, or a part. Where it does not call `operations.carry` itself, that is done for it.
    finish: Callable[[Task, Mapping[int, int], User | None, date], None]
    #: The task goes back to the pool: `give_back(task, by)`.
    give_back: Callable[..., None]
    #: Somebody else does it from now on: `hand(task, by)`, the task holding who.
    hand: Callable[[Task, User | None], None] | None = None
    #: In which language its text is written, and what the text's own fields say.
    words: Callable[[Task], tuple[str, Mapping[str, str]] | None] | None = None


def init_app(app: Flask) -> None:
    """Begin with none."""
    app.extensions[_KEY] = {}


def offer(app: Flask, carrier: Carrier) -> None:
    """Let tasks be carried out by a room above."""
    app.extensions[_KEY][carrier.name] = carrier


def carrier_of(task: Task) -> Carrier | None:
    """Who carries a task out; None: the task itself."""
    if task.carrier is None:
        return None
    found: dict[str, Carrier] = current_app.extensions[_KEY]
    return found.get(task.carrier)


def handed(task: Task, by: User | None) -> None:
    """Tell a task's carrier that somebody else does it now."""
    carrier = carrier_of(task)
    if carrier is not None and carrier.hand is not None:
        carrier.hand(task, by)


def words_of(task: Task) -> tuple[str, Mapping[str, str]] | None:
    """The language and the values its carrier has for the task's text; None: the reader's, none."""
    carrier = carrier_of(task)
    return carrier.words(task) if carrier is not None and carrier.words is not None else None
