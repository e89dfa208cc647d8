"""Pages of meetings: the calendar, one meeting with its history and who came, its forms."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import current_user

from crm.core.access import Can, requires
from crm.core.errors import Refused
from crm.core.forms import parse_id
from crm.core.i18n import today
from crm.targets.forms import chosen
from crm.targets.rules import Match
from crm.treaties import meeting_queries, meetings, queries
from crm.treaties.forms import AttendanceForm, DatesForm, MeetingForm
from crm.treaties.meeting_queries import Attended, Planned
from crm.treaties.models import TreatyMeeting
from crm.treaties.naming import match_states
from crm.treaties.queries import State
from crm.treaties.views import blueprint

#: Lines of a pasted list that are read.
MOST_LINES = 500


@blueprint.app_template_global("meeting_mode")
def _mode(mode: str) -> str:
    return str(meetings.MODES.get(mode, mode))


@blueprint.get("/treaties/meetings")
@requires(Can.SEE)
def meeting_list() -> Any:
    """All meetings, those to come first."""
    planned = meeting_queries.meetings()
    coming = meeting_queries.upcoming(planned, today())
    return render_template(
        "treaties/meetings.html",
        coming=coming,
        past=[each for each in planned if each not in coming],
        kinds=meetings.KINDS,
    )


@blueprint.route("/treaties/meetings/new", methods=["GET", "POST"])
@requires(Can.EDIT_TREATIES)
def new_meeting() -> Any:
    """Enter a meeting."""
    form = MeetingForm()

    def plan() -> int:
        return meetings.plan_meeting(
            treaty=form.treaty.data, key=form.key.data, name=form.name.data, kind=form.kind.data,
            by=current_user, **form.dates(),
        ).id  # fmt: skip

    meeting_id = form.carry(plan)
    if meeting_id is not None:
        flash(_("The meeting is entered."), "success")
        return redirect(url_for(".meeting", meeting_id=meeting_id), 303)
    return render_template("treaties/meeting_edit.html", form=form, meeting=None), form.status


@blueprint.get("/treaties/meetings/<int:meeting_id>")
@requires(Can.SEE)
def meeting(meeting_id: int) -> Any:
    """One meeting: its days and those it had before, and who took part."""
    found = meeting_queries.meeting(meeting_id)
    return render_template(
        "treaties/meeting.html",
        meeting=found,
        planned=Planned(found, found.dates[-1]),
        kinds=meetings.KINDS,
        attendance=_by_capacity(meeting_queries.attendance(found.id)),
    )


def _by_capacity(rows: list[Attended]) -> dict[str, list[Attended]]:
    return {
        capacity: found
        for capacity in meetings.CAPACITIES
        if (found := [each for each in rows if each.row.capacity == capacity])
    }


@blueprint.route("/treaties/meetings/<int:meeting_id>/move", methods=["GET", "POST"])
@requires(Can.EDIT_TREATIES)
def move_meeting(meeting_id: int) -> Any:
    """Give a meeting other days."""
    found = meeting_queries.meeting(meeting_id)
    now = found.dates[-1]
    form = DatesForm(data={
        "starts_on": now.starts_on, "ends_on": now.ends_on, "place": now.place, "mode": now.mode,
    })  # fmt: skip

    def move() -> bool:
        meetings.move_meeting(found, by=current_user, **form.dates())
        return True

    if form.carry(move):
        flash(_("The new days are entered; those before stay as the meeting's history."), "success")
        return redirect(url_for(".meeting", meeting_id=meeting_id), 303)
    return render_template(
        "treaties/meeting_edit.html", form=form, meeting=meeting_queries.meeting(meeting_id)
    ), form.status


@blueprint.route("/treaties/meetings/<int:meeting_id>/attendance", methods=["GET", "POST"])
@requires(Can.EDIT_TREATIES)
def attendance(meeting_id: int) -> Any:
    """Tick or paste the states that took part."""
    found = meeting_queries.meeting(meeting_id)
    form = AttendanceForm()
    ticked = {number for each in request.form.getlist("state") if (number := parse_id(each))}
    lines = dict.fromkeys(line.strip() for line in (form.names.data or "").splitlines())
    matches = match_states([line for line in lines if line][:MOST_LINES]) if any(lines) else []

    def record() -> int:
        return meetings.record_attendance(
            found, [*sorted(ticked), *_pasted(matches)], capacity=form.capacity.data,
            source=form.source.data or None, by=current_user,
        )  # fmt: skip

    number = form.carry(record)
    if number is not None:
        flash(ngettext("%(num)s state entered.", "%(num)s states entered.", number), "success")
        return redirect(url_for(".meeting", meeting_id=meeting_id), 303)
    return render_template(
        "treaties/attendance.html",
        form=form,
        meeting=meeting_queries.meeting(meeting_id),
        by_region=_by_region(queries.states()),
        there={each.row.target_id for each in meeting_queries.attendance(meeting_id)},
        ticked=ticked,
        matches=matches,
    ), form.status


def _pasted(matches: list[Match]) -> list[int]:
    found, settled = chosen(matches, request.form)
    if not settled:
        raise Refused(_("Some names are not clear. Choose below who is meant, or leave them out."))
    return found


def _by_region(states: list[State]) -> list[tuple[str, list[State]]]:
    found: dict[str, list[State]] = {}
    for state in states:
        found.setdefault(state.region or _("Other"), []).append(state)
    return sorted(found.items())


@blueprint.post("/treaties/meetings/<int:meeting_id>/attendance/<int:target_id>/remove")
@requires(Can.EDIT_TREATIES)
def remove_attendance(meeting_id: int, target_id: int) -> Any:
    """A state did not take part after all."""
    found: TreatyMeeting = meeting_queries.meeting(meeting_id)
    meetings.take_back_attendance(found.id, target_id, by=current_user)
    flash(_("Taken off."), "success")
    return redirect(url_for(".meeting", meeting_id=meeting_id), 303)
