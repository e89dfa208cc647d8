"""`crm pack print`: a pack as a PDF, from a shell. What is in the way is told, and left out."""

from pathlib import Path

import click
from sqlalchemy.exc import NoResultFound

from crm.core import db, i18n
from crm.core.access import Scope
from crm.core.cli import in_unit_of_work, write_whole
from crm.core.forms import parse_id
from crm.mailings import queries
from crm.mailings.models import Mailing
from crm.mailings.printing import Which, chosen, look, print_checked
from crm.mailings.printing.papers import ENVELOPES, LABEL_SHEETS, Kind, Wish
from crm.members.disclosure import Viewer

#: Who a command is: whoever has the server sees every chapter. Names leave by consent all the same.
_EVERYWHERE = Scope(everywhere=True, chapter_ids=frozenset())
_COMMAND = Viewer(sees=_EVERYWHERE)
#: Pieces in the way that are told one by one.
_TOLD = 20


@click.command("print")
@click.argument("pack", metavar="ID")
@click.option("--as", "kind", required=True, type=click.Choice([each.value for each in Kind]),
              help="On which paper.")  # fmt: skip
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False, path_type=Path),
              help="The PDF to write.")  # fmt: skip
@click.option("--paper", type=click.Choice(["letter", "a4"]), default="letter", show_default=True)
@click.option("--labels", type=click.Choice(list(LABEL_SHEETS)), default="avery-5160",
              show_default=True, help="The sheet of labels.")  # fmt: skip
@click.option("--start-at", type=click.IntRange(1), default=1, show_default=True,
              help="The label to begin with.")  # fmt: skip
@click.option("--envelope", type=click.Choice(list(ENVELOPES)), default="no10", show_default=True)
@click.option("--flip", type=click.Choice(["long", "short"]), default="long", show_default=True,
              help="Edge the printer turns the paper along.")  # fmt: skip
@click.option("--by-hand", is_flag=True, help="Leave room on cards to copy the text by hand.")
@click.option("--unprinted", is_flag=True, help="Only what was not printed yet.")
@click.option("--first", type=click.IntRange(1), help="From this piece of the pack on.")
@click.option("--last", type=click.IntRange(1), help="Up to this piece.")
@in_unit_of_work
def print_command(
    pack: str,
    kind: str,
    output: Path,
    paper: str,
    labels: str,
    start_at: int,
    envelope: str,
    flip: str,
    by_hand: bool,
    unprinted: bool,
    first: int | None,
    last: int | None,
) -> None:
    """Print the pack ID (its code, or its number) as a PDF."""
    mailing, today = _pack(pack), i18n.today()
    wish = Wish(
        Kind(kind), paper=paper, labels=labels, start_at=start_at, envelope=envelope, flip=flip,
        by_hand=by_hand and Kind(kind).is_card,
    )  # fmt: skip
    pieces = chosen(mailing.id, Which(unprinted=unprinted, first=first, last=last))
    if not pieces:
        raise click.ClickException("The pack has no such pieces that are not posted yet.")
    checked = look(mailing, pieces, wish, viewer=_COMMAND, today=today)
    for each in checked.hindered[:_TOLD]:
        click.echo(f"left out: piece {each.number}: {' '.join(each.told)}", err=True)
    if len(checked.hindered) > _TOLD:
        click.echo(f"left out: {len(checked.hindered) - _TOLD} more", err=True)
    made = print_checked(mailing, checked, wish, by=None, viewer=_COMMAND, today=today)
    write_whole(output, iter([made.body]))
    click.echo(f"{output}: {made.pieces} pieces, {made.left_out} left out")


def _pack(typed: str) -> Mailing:
    """The pack of a code or a number; a code can be all digits, so it comes first."""
    try:
        return queries.mailing(typed, _EVERYWHERE)
    except NoResultFound:
        number = parse_id(typed)
        found = db.session.get(Mailing, number) if number is not None else None
        if found is None:
            raise click.ClickException(f"There is no pack {typed!r}.") from None
        return queries.mailing(found.code, _EVERYWHERE)
