"""Pages of packs: made as shown, posted once, and seen by their own chapter alone."""

from collections.abc import Callable
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import func, select

from crm.core import db
from crm.mailings.models import Mailing, Piece, Posting
from crm.mailings.queries import progress
from crm.outreach.models import Action
from crm.outreach.queries import ActionFilter, total
from crm.tasks.models import Task
from tests.mailings.conftest import class_of
from tests.members.test_queries import statements

Pack = Callable[..., Mailing]
SignIn = Callable[[object], FlaskClient]


@pytest.fixture
def leader(scene: SimpleNamespace, sign_in: SignIn) -> FlaskClient:
    return sign_in(scene.people.leader)


def sent(scene: SimpleNamespace, **changes: Any) -> dict[str, Any]:
    return {
        "client_key": "a-client-key-1",
        "campaign": "postcards",
        "chapter": str(scene.school_a),
        "text": f"{scene.text}:en",
        "aim": "campaign",
        "way": "all",
        "member": [str(each) for each in scene.members],
        "planned_on": "2027-01-08",
        "minutes": "5",
        "postage": "0.61",
        "then-0": "Any reply?",
        "days-0": "21",
        "do": "show",
    } | changes


def text_of(answer: Any) -> str:
    return str(answer.get_data(as_text=True))


def shown_in(page: str) -> str:
    return page.split('name="shown"')[1].split('value="')[1].split('"')[0]


def picture(kind: str = "JPEG") -> BytesIO:
    data = BytesIO()
    Image.new("RGB", (60, 40), "navy").save(data, kind)
    data.seek(0)
    return data


def test_it_works(leader: FlaskClient, scene: SimpleNamespace) -> None:
    """Shown, made, printed elsewhere, posted with one button, scanned again, six come back."""
    assert leader.get("/packs/new").status_code == 200
    answer = leader.post("/packs/new", data=sent(scene))
    page = text_of(answer)
    assert answer.status_code == 200
    assert "155 postcards to 5 targets" in page
    assert db.session.scalar(select(func.count()).select_from(Mailing)) == 0
    answer = leader.post("/packs/new", data=sent(scene, do="make", shown=shown_in(page)))
    assert answer.status_code == 303
    url = answer.headers["Location"]
    code = url.rsplit("/", 1)[1]
    page = text_of(leader.get(url))
    assert code in page
    assert "Ana0 Brook0" in page
    post = text_of(leader.get(f"/post/{code}"))
    assert "All 155 posted" in post
    data = {"number": "1", "posted_on": "2026-05-01", "minutes": "5", "do": "all"}
    assert leader.post(f"/post/{code}", data=data).status_code == 303
    again = leader.post(f"/post/{code}", data=data, follow_redirects=True)
    assert "nothing was counted twice" in text_of(again)
    assert "Posted already on" in text_of(leader.get(f"/post/{code}"))
    assert total(ActionFilter()) == 155
    back = {f"m-{each}": "1" for each in scene.members[:6]}
    assert leader.post(f"/packs/{code}/return", data=back).status_code == 303
    assert total(ActionFilter()) == 149
    page = text_of(leader.get(url))
    assert "6 pieces lie in the pool" in page
    for path in ("?by=target", "/history", "/prepare", "/hand-out", "/pool", "/return"):
        assert leader.get(url + path).status_code == 200


def test_what_was_shown_is_made(leader: FlaskClient, scene: SimpleNamespace, pack: Pack) -> None:
    """A pack made meanwhile changes who is written to: the new plan is shown, nothing is made."""
    data = sent(scene, way="spread", each="1", member=[str(scene.members[0])])
    page = text_of(leader.post("/packs/new", data=data))
    first = shown_in(page)
    pack(scene, way="spread", target_ids=frozenset(scene.targets[:1]), members={}, total=4)
    answer = leader.post("/packs/new", data=data | {"do": "make", "shown": first})
    assert answer.status_code == 422
    assert "Something has changed" in text_of(answer)
    second = shown_in(text_of(answer))
    assert second != first
    answer = leader.post("/packs/new", data=data | {"do": "make", "shown": second})
    assert answer.status_code == 303
    again = leader.post("/packs/new", data=data | {"do": "make", "shown": second})
    assert again.headers["Location"] == answer.headers["Location"]
    assert db.session.scalar(select(func.count()).select_from(Mailing)) == 2


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"text": ""}, "Choose one"),
        ({"campaign": "none"}, "Not a valid choice"),
        ({"planned_on": ""}, "Give a date"),
        ({"planned_on": "1926-05-08"}, "year of this date"),
        ({"postage": "x"}, "amount such as"),
        ({"each": "-1"}, "whole number"),
        ({"each": "100"}, "5000 at most"),
        ({"aim": "chosen", "chosen": "Nobody Known"}, "Nobody Known"),
        ({"aim": "list"}, "Choose the list"),
        ({"aim": "own"}, "has a ZIP"),
        ({"then-0": "Any reply?", "days-0": "soon"}, "whole number"),
        ({"then-0": "", "days-0": "21"}, "Say what follows"),
        ({"member": ["999999"]}, "not a member"),
    ],
)
def test_nothing_typed_is_lost(
    leader: FlaskClient, scene: SimpleNamespace, changes: dict[str, Any], told: str
) -> None:
    answer = leader.post("/packs/new", data=sent(scene, place="Room 7 & 8", **changes))
    page = text_of(answer)
    assert answer.status_code == 422
    assert told in page
    assert "Room 7 &amp; 8" in page


def test_a_picture_and_one_that_is_none(leader: FlaskClient, scene: SimpleNamespace) -> None:
    bad = sent(scene, picture=(BytesIO(b"not a picture"), "card.jpg"), place="Room 7")
    answer = leader.post("/packs/new", data=bad, content_type="multipart/form-data")
    assert answer.status_code == 422
    assert "not a JPEG, PNG or WebP picture" in text_of(answer)
    assert "Room 7" in text_of(answer)
    good = sent(scene, picture=(picture(), "card.jpg"))
    answer = leader.post("/packs/new", data=good, content_type="multipart/form-data")
    assert answer.status_code == 422
    page = text_of(answer)
    assert "Say what the picture shows" in page
    # The picture itself is not lost.
    token = page.split('name="kept_picture"')[1].split('value="')[1].split('"')[0]
    again = sent(scene, kept_picture=token, picture_shows="A meadow")
    page = text_of(leader.post("/packs/new", data=again))
    answer = leader.post("/packs/new", data=again | {"do": "make", "shown": shown_in(page)})
    assert answer.status_code == 303
    made = db.session.scalars(select(Mailing)).one()
    assert made.picture is not None
    assert made.picture_shows == "A meadow"
    assert made.picture.endswith(".jpg")


def test_another_chapters_pack_is_not_there(
    scene: SimpleNamespace, pack: Pack, sign_in: SignIn, client: FlaskClient
) -> None:
    code = pack(scene).code
    outsider = sign_in(scene.people.outsider)
    paths = [f"/packs/{code}{more}" for more in ("", "/history", "/prepare", "/return", "/pool")]
    for path in (*paths, f"/post/{code}"):
        assert outsider.get(path).status_code == 404
    for path in (f"/post/{code}", f"/packs/{code}/close", f"/packs/{code}/prepare"):
        assert (
            outsider.post(path, data={"number": "1", "posted_on": "2026-05-01"}).status_code == 404
        )
    assert code not in text_of(outsider.get("/packs"))
    assert "No pack has this code" in text_of(outsider.post("/post", data={"code": code}))
    for user in (scene.people.member, scene.people.viewer):
        assert sign_in(user).get(f"/post/{code}").status_code == 403
    # Whoever scans without being signed in comes back after it.
    answer = client.get(f"/post/{code}")
    assert answer.status_code == 303
    assert f"next=/post/{code}" in answer.headers["Location"].replace("%2F", "/")
    assert db.session.scalar(select(func.count()).select_from(Posting)) == 0


def test_a_code_is_typed(leader: FlaskClient, scene: SimpleNamespace, pack: Pack) -> None:
    code = pack(scene).code
    answer = leader.post("/post", data={"code": f" {code[:4].lower()} {code[4:].lower()} "})
    assert answer.headers["Location"] == f"/post/{code}"
    for path in ("/packs", f"/packs/{code}", f"/post/{code[:3]}-{code[3:]}"):
        assert f">{code[:3]}-{code[3:]}<" in text_of(leader.get(path))
    assert leader.post("/post", data={"code": "nope"}).status_code == 422


def test_not_all_are_posted(leader: FlaskClient, scene: SimpleNamespace, pack: Pack) -> None:
    code = pack(scene).code
    base = {"posted_on": "2026-05-01", "do": "some"}
    some = {f"m-{scene.members[0]}": "2", f"m-{scene.members[1]}": "0"}
    assert leader.post(f"/post/{code}", data=base | {"number": "1"} | some).status_code == 303
    # Boxes left empty mean all of theirs.
    assert total(ActionFilter()) == 155 - 3 - 5
    page = text_of(leader.get(f"/post/{code}"))
    assert "Left to post: 8 postcards" in page
    for wrong, told in (
        ({"pieces": "9"}, "there are 8"),
        ({f"m-{scene.members[0]}": "4"}, "there are 3"),
        ({f"m-{scene.members[0]}": "x"}, "not a whole number"),
        ({"posted_on": "2099-01-01"}, "in the future"),
        ({"number": "9"}, "Open this page anew"),
    ):
        answer = leader.post(f"/post/{code}", data=base | {"number": "2"} | wrong)
        assert answer.status_code == 422
        assert told in text_of(answer)
    answer = leader.post(f"/post/{code}", data=base | {"number": "2", "pieces": "8"})
    assert answer.status_code == 303
    assert total(ActionFilter()) == 155


def test_prepared_handed_out_given_back_and_claimed(
    leader: FlaskClient, scene: SimpleNamespace, pack: Pack
) -> None:
    made = pack(scene)
    code, number = made.code, made.id
    one = scene.members[0]
    leader.post(f"/packs/{code}/prepare", data={"member": str(one)})
    assert progress([number])[number].prepared == 5
    piece = db.session.scalars(select(Piece.id).where(Piece.member_id == one)).first()
    leader.post(f"/packs/{code}/prepare", data={"piece": str(piece), "do": "undo"})
    assert progress([number])[number].prepared == 4
    form = {"client_key": "hand-out-key", "due_on": "2027-01-01"}
    assert leader.post(f"/packs/{code}/hand-out", data=form).status_code == 303
    assert db.session.scalar(select(func.count()).select_from(Task)) == 31
    leader.post(f"/packs/{code}/give-back/{one}")
    assert progress([number])[number].pool == 5
    give = {"member": str(scene.members[1]), "number": "5"}
    assert leader.post(f"/packs/{code}/pool", data=give).status_code == 303
    answer = leader.post(f"/packs/{code}/pool", data=give)
    assert answer.status_code == 422
    assert "somebody else took it" in text_of(answer)


def test_put_away_and_opened_again(leader: FlaskClient, scene: SimpleNamespace, pack: Pack) -> None:
    code = pack(scene).code
    leader.post(f"/packs/{code}/close", data={"reason": "rain"})
    assert "was put away" in text_of(leader.get(f"/packs/{code}"))
    assert "This pack is closed" in text_of(leader.get(f"/post/{code}"))
    assert code not in text_of(leader.get("/packs?state=open"))
    leader.post(f"/packs/{code}/open")
    assert code in text_of(leader.get("/packs?state=open"))


def test_what_was_changed_elsewhere_is_said(
    leader: FlaskClient, scene: SimpleNamespace, pack: Pack
) -> None:
    code = pack(scene).code
    data = {"number": "1", "posted_on": "2026-05-01", "do": "all"}
    leader.post(f"/post/{code}", data=data)
    action = db.session.scalars(select(Action.id)).one()
    leader.post(f"/outreach/{action}/undo")
    assert "reports count none of these pieces" in text_of(leader.get(f"/packs/{code}"))


def test_as_many_statements_for_many_pieces(
    leader: FlaskClient, scene: SimpleNamespace, pack: Pack, app: Flask
) -> None:
    small = pack(scene).code
    more = class_of(60, scene.people.school_a)
    big = pack(scene, members=dict.fromkeys(more), each=6, total=None).code
    assert progress([2])[2].total == 1800
    for path in (
        "/packs", "/packs/{}", "/packs/{}?by=target", "/post/{}", "/packs/{}/prepare",
        "/packs/{}/return", "/packs/{}/pool", "/packs/new",
    ):  # fmt: skip
        counts = []
        for code in (small, big):
            leader.get(path.format(code))
            with statements() as seen:
                assert leader.get(path.format(code)).status_code == 200
            counts.append(len(seen))
        assert counts[0] == counts[1] <= 16, (path, counts)
    counts = []
    for code in (small, big):
        data = {"number": "1", "posted_on": "2026-05-01", "do": "all"}
        with statements() as seen:
            assert leader.post(f"/post/{code}", data=data).status_code == 303
        counts.append(len(seen))
    # A statement more for each thousand pieces that are written.
    assert counts[1] - counts[0] <= 6, counts
