"""The form: a class in one save, nothing counted twice, nothing typed lost."""

import re
from collections.abc import Callable
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from crm.core import db, store
from crm.core.settings import Settings
from crm.members.models import Member
from crm.outreach.forms import sealed
from crm.outreach.models import Action, ActionMember, ActionPhoto, ActionTarget
from tests import make

SignIn = Callable[[object], FlaskClient]
CLASS = "/outreach/log/postcard"


def sent(scene: SimpleNamespace, **changes: Any) -> dict[str, Any]:
    return {
        "client_key": "a-client-key-1",
        "campaign": "postcards",
        "happened_on": "2026-03-03",
        "chapters": [str(scene.school_a)],
        "pieces": "155",
        "aim": "campaign",
        "spread": "evenly",
    } | changes


def post(client: FlaskClient, data: dict[str, Any], url: str = CLASS) -> TestResponse:
    return client.post(url, data=data, content_type="multipart/form-data")


def text(answer: TestResponse) -> str:
    return answer.get_data(as_text=True)


def count(model: Any) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def pieces() -> list[int]:
    rows = select(ActionTarget.pieces).order_by(ActionTarget.target_id)
    return list(db.session.scalars(rows))


@pytest.fixture
def leader(scene: SimpleNamespace, sign_in: SignIn) -> FlaskClient:
    return sign_in(scene.people.leader)


def picture(kind: str = "JPEG", **more: Any) -> BytesIO:
    file = BytesIO()
    Image.new("RGB", (60, 40), "teal").save(file, kind, **more)
    file.seek(0)
    return file


def test_it_works(leader: FlaskClient, scene: SimpleNamespace) -> None:
    assert 'name="client_key"' in text(leader.get(CLASS))
    roster = "Ana Brook, 100\nBen Cole\t48"
    answer = post(leader, sent(scene, pieces="150", roster=roster, people="31", place="Room 12"))
    assert answer.status_code == 303
    page = leader.get(answer.headers["Location"])
    assert "150 postcards logged." in text(page)
    assert "148 named + 2 unnamed = 150" in text(page)
    assert "Tuesday" in text(page)
    assert pieces() == [30] * 5
    assert 'value="Room 12"' in text(leader.get(CLASS))


def test_the_class_of_31(leader: FlaskClient, scene: SimpleNamespace) -> None:
    names = [f"Pupil{n} Of{'abcdefghijklmnopqrstuvwxyz'[n % 26]}class{n}x" for n in range(31)]
    ids = [make.member(*name.split(), scene.people.school_a).id for name in names]
    answer = post(leader, sent(scene, member=[str(each) for each in ids]))
    assert answer.status_code == 303
    assert pieces() == [31] * 5
    assert set(db.session.scalars(select(ActionMember.pieces))) == {5}
    assert db.session.scalars(select(Action.unnamed)).one() == 0


def test_a_repeat_is_one(leader: FlaskClient, scene: SimpleNamespace) -> None:
    first = post(leader, sent(scene))
    again = post(leader, sent(scene, pieces="7"))
    assert again.status_code == 303
    assert again.headers["Location"] == first.headers["Location"]
    assert "already logged" in text(leader.get(again.headers["Location"]))
    assert (count(Action), sum(pieces())) == (1, 155)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"pieces": ""}, "Give the number of pieces."),
        ({"pieces": "many"}, "Give a whole number."),
        ({"pieces": "-3"}, "Give a whole number."),
        ({"pieces": "3"}, "3 pieces cannot reach 5 targets"),
        ({"campaign": ""}, "Choose one."),
        ({"campaign": "nothing-such"}, "Not a valid choice"),
        ({"happened_on": ""}, "Give a date"),
        ({"happened_on": "yesterday"}, "Not a valid date value"),
        ({"happened_on": "2999-01-01"}, "in the future"),
        ({"happened_on": "1985-01-01"}, "before 1990"),
        ({"until": "2026-03-01"}, "The last day is before the first."),
        ({"chapters": []}, "Choose the chapter that did it."),
        ({"aim": "chosen"}, "Type the targets, one a line."),
        ({"aim": "chosen", "chosen": "Zaphod Nobody"}, "Not found: “Zaphod Nobody”"),
        ({"aim": "chosen", "chosen": "Niue\nNiue"}, "A target stands twice"),
        ({"aim": "chosen", "chosen": "Niue, 100", "spread": "numbers"}, "55 have no target"),
        ({"aim": "chosen", "chosen": "Niue, 100"}, "Numbers stand behind some targets"),
        ({"chosen": "Niue"}, "Targets are typed here"),
        ({"spread": "one"}, "but 5 are chosen"),
        ({"aim": "area"}, "Choose the state."),
        ({"roster": "Ana Brook 100\nBen Cole 60"}, "5 more than the 155 pieces"),
        ({"roster": "Ana Brook 5\nAna Brook 6"}, "stands twice on the roster"),
        ({"roster": "12 34"}, "there is no name"),
        ({"people": "some"}, "Give a whole number."),
        ({"minutes": "-5"}, "Give a whole number."),
        ({"place": "x" * 201}, "Use at most 200 characters."),
        ({"client_key": "<script>"}, "Load the form anew."),
    ],
)
def test_refused_in_a_sentence(
    leader: FlaskClient, scene: SimpleNamespace, change: dict[str, Any], sentence: str
) -> None:
    answer = post(leader, sent(scene, **change))
    assert answer.status_code == 422
    assert sentence in text(answer)
    assert count(Action) == 0


def test_what_was_typed_is_kept(leader: FlaskClient, scene: SimpleNamespace) -> None:
    ana = scene.members[0]
    typed = sent(
        scene,
        happened_on="2999-01-01",
        place="The <b>gym</b>",
        note="Rain, all day",
        roster="Ben Cole 7",
        people="31",
        asks=[str(scene.ask)],
        member=[str(ana)],
        photos=(picture(), "pile.jpg"),
    ) | {f"count-{ana}": "12"}
    page = text(post(leader, typed))
    assert "The &lt;b&gt;gym&lt;/b&gt;" in page
    for kept in ("Rain, all day", "Ben Cole 7", 'value="31"', 'value="12"', 'value="155"'):
        assert kept in page
    assert 'value="a-client-key-1"' in page
    assert re.search(rf'id="m-{ana}"[^>]* checked', page)
    token = re.search(r'name="kept_photo" value="([^"]+)"', page)
    assert token
    again = post(leader, sent(scene, kept_photo=[token[1], "forged.token"]))
    assert again.status_code == 303
    assert count(ActionPhoto) == 1


def test_names_that_are_not_sure_are_asked_about(
    leader: FlaskClient, scene: SimpleNamespace
) -> None:
    roster = "Ana, 5\nBen Cole, 5\nNova Newcomer, 5\nXu Nobody, 5"
    page = text(post(leader, sent(scene, roster=roster)))
    assert "Who is meant?" in page
    assert count(Action) == 0
    assert "Add Nova Newcomer as a new member" in page
    answer = post(
        leader,
        sent(
            scene,
            roster=roster,
            **{
                "member:ana": str(scene.members[0]),
                "member:nova-newcomer": "new",
                "member:xu-nobody": "nameless",
            },
        ),
    )
    assert answer.status_code == 303
    made = db.session.scalars(select(Member).where(Member.given_name == "Nova")).one()
    named = dict(
        db.session.execute(select(ActionMember.member_id, ActionMember.pieces)).all()  # type: ignore[arg-type]
    )
    assert named == {scene.members[0]: 5, scene.members[1]: 5, made.id: 5}
    assert db.session.scalars(select(Action.unnamed)).one() == 140


def test_an_answer_that_was_not_offered_is_no_answer(
    leader: FlaskClient, scene: SimpleNamespace
) -> None:
    forged = sent(scene, roster="Ana, 5", **{"member:ana": str(scene.stranger)})
    assert post(leader, forged).status_code == 422
    assert count(Action) == 0


def test_people_of_others_are_not_named(leader: FlaskClient, scene: SimpleNamespace) -> None:
    assert "Secretname" not in text(leader.get(CLASS))
    answer = post(leader, sent(scene, member=[str(scene.stranger)]))
    assert answer.status_code == 422
    assert "not a member of your chapters" in text(answer)
    assert "Secretname" not in text(answer)
    page = text(post(leader, sent(scene, roster="Sol Secretname 5")))
    assert "Add Sol Secretname as a new member" in page
    assert f'value="{scene.stranger}"' not in page


def test_chapters_of_others_are_refused(leader: FlaskClient, scene: SimpleNamespace) -> None:
    answer = post(leader, sent(scene, chapters=[str(scene.school_b)]))
    assert answer.status_code == 422
    assert count(Action) == 0


def test_targets_by_name_number_state_and_list(leader: FlaskClient, scene: SimpleNamespace) -> None:
    typed = "Shelley Alder, 100\nNiue 55"
    answer = post(leader, sent(scene, aim="chosen", chosen=typed, spread="numbers"))
    assert answer.status_code == 303
    assert pieces() == [100, 55]
    state = sent(scene, aim="area", area="WV", pieces="8", client_key="another-key")
    assert post(leader, state).status_code == 303
    assert sorted(pieces()) == [2, 2, 2, 2, 55, 100]


def test_a_target_that_is_not_sure_is_asked_about(
    leader: FlaskClient, scene: SimpleNamespace
) -> None:
    twin = make.legislator("Shelley", "Alder", area="OH", chamber="us/house", district="9").id
    typed = sent(scene, aim="chosen", chosen="Shelley Alder", spread="one")
    page = text(post(leader, typed))
    assert "Who is meant?" in page
    answer = post(leader, typed | {"target:shelley-alder": str(twin)})
    assert answer.status_code == 303
    assert db.session.scalars(select(ActionTarget.target_id)).all() == [twin]


def test_an_act(leader: FlaskClient, scene: SimpleNamespace) -> None:
    url = "/outreach/log/meeting"
    data = sent(
        scene,
        aim="chosen",
        chosen="Niue\nJim Birch",
        member=[str(scene.members[0])],
        detail_mode="video",
        detail_met_with="The ambassador",
    )
    answer = post(leader, data, url)
    assert answer.status_code == 303
    action = db.session.scalars(select(Action)).one()
    assert (action.pieces, action.unnamed) == (1, 0)
    assert action.details == {"mode": "video", "met_with": "The ambassador"}
    assert pieces() == [1, 1]
    assert "By video" in text(leader.get(answer.headers["Location"]))


def test_an_event_needs_no_target(leader: FlaskClient, scene: SimpleNamespace) -> None:
    data = sent(scene, aim="none", detail_audience="120", detail_link="ftp://example.org")
    page = post(leader, data, "/outreach/log/event")
    assert (page.status_code, "begins with https://" in text(page)) == (422, True)
    data["detail_link"] = "https://example.org/exhibit"
    assert post(leader, data, "/outreach/log/event").status_code == 303
    assert pieces() == []


def test_photos_lose_what_they_tell_of_place_and_camera(
    leader: FlaskClient, scene: SimpleNamespace
) -> None:
    exif = Image.Exif()
    exif[0x010F] = "A camera of a child"
    data = sent(scene, photos=[(picture(exif=exif), "a.jpg"), (picture("PNG"), "b.png")])
    data["nobody_seen"] = "y"
    answer = post(leader, data)
    assert answer.status_code == 303
    files = db.session.scalars(select(ActionPhoto.file)).all()
    assert len(files) == 2
    for file in files:
        assert b"camera" not in b"".join(store.here().read(file).pieces)
    src = re.search(r'<img src="([^"]+)"', text(leader.get(answer.headers["Location"])))
    assert src
    shown = leader.get(src[1])
    assert (shown.status_code, shown.mimetype) == (200, "image/jpeg")


def test_a_storage_that_is_away(app: Flask, leader: FlaskClient, scene: SimpleNamespace) -> None:
    data = sent(scene, photos=[(picture(), "a.jpg")], nobody_seen="y")
    page = text(leader.get(post(leader, data).headers["Location"]))
    src = re.search(r'<img src="([^"]+)"', page)
    assert src
    here = store.here()
    address = "s3://photos?endpoint=http://127.0.0.1:9"
    away = store.place_of(Settings(files_key="a", files_secret="b"), address)
    app.extensions["crm_store"] = away
    shown = leader.get(src[1])
    assert (shown.status_code, "Try again in a while" in text(shown)) == (503, True)
    data = sent(scene, client_key="another-key-22", note="Typed before")
    data |= {"photos": [(picture(), "a.jpg")], "nobody_seen": "y"}
    answer = post(leader, data)
    assert answer.status_code == 422
    assert "It could not be kept. Try again in a while; nothing else was lost." in text(answer)
    assert "Typed before" in text(answer)
    app.extensions["crm_store"] = here
    assert leader.get(src[1]).status_code == 200
    again = post(leader, data | {"photos": [(picture(), "a.jpg")]})
    assert again.status_code == 303
    assert count(ActionPhoto) == 2


@pytest.mark.parametrize("is_written", [False, True])
def test_a_photo_of_a_request_that_broke_goes_unless_a_row_may_name_it(
    app: Flask,
    leader: FlaskClient,
    scene: SimpleNamespace,
    monkeypatch: pytest.MonkeyPatch,
    is_written: bool,
) -> None:
    seal = db.seal

    def broken() -> None:
        raise RuntimeError("broken")

    def sealed_and_broken_later() -> None:
        seal()
        db.after_commit(broken)

    app.config["PROPAGATE_EXCEPTIONS"] = False
    monkeypatch.setattr(db, "seal", sealed_and_broken_later if is_written else broken)
    data = sent(scene, nobody_seen="y", photos=[(picture(), "a.jpg")])
    assert post(leader, data).status_code == 500
    assert len(list(store.here().names())) == count(ActionPhoto) == int(is_written)


def test_a_photo_that_waited_too_long_is_asked_for_again(
    app: Flask, leader: FlaskClient, scene: SimpleNamespace
) -> None:
    with app.test_request_context():
        token = sealed(store.new_name("jpg"))
    answer = post(leader, sent(scene, kept_photo=token, note="Typed before"))
    assert answer.status_code == 422
    assert "waited longer than a day" in text(answer)
    assert "Typed before" in text(answer)
    assert token not in text(answer)


@pytest.mark.parametrize(
    ("upload", "sentence"),
    [
        ((BytesIO(b"no picture at all"), "fake.jpg"), "not a JPEG, PNG or WebP"),
        ((BytesIO(b"\xff\xd8" + b"x" * (11 * 1024 * 1024)), "big.jpg"), "larger than 10 MB"),
    ],
)
def test_photos_that_are_none(
    leader: FlaskClient, scene: SimpleNamespace, upload: Any, sentence: str
) -> None:
    answer = post(leader, sent(scene, note="Typed before", photos=upload))
    assert answer.status_code == 422
    assert sentence in text(answer)
    assert "Typed before" in text(answer)
    assert count(Action) == 0


def test_seven_photos(leader: FlaskClient, scene: SimpleNamespace) -> None:
    seven = [(picture(), f"{n}.jpg") for n in range(7)]
    answer = post(leader, sent(scene, photos=seven))
    assert (answer.status_code, "At most 6 photos" in text(answer)) == (422, True)


def test_log_again_like_this(leader: FlaskClient, scene: SimpleNamespace) -> None:
    typed = "Shelley Alder, 100\nNiue, 55"
    first = post(leader, sent(scene, aim="chosen", chosen=typed, spread="numbers", place="Gym"))
    number = first.headers["Location"].rsplit("/", 1)[1]
    page = text(leader.get(f"{CLASS}?like={number}"))
    assert "Niue, 55\nShelley Alder, 100" in page.replace("\r", "")
    assert 'value="Gym"' in page
    assert 'value="a-client-key-1"' not in page


def test_correcting(leader: FlaskClient, scene: SimpleNamespace) -> None:
    first = post(leader, sent(scene, roster="Ana Brook 100\nBen Cole 48", place="Gym"))
    url = first.headers["Location"]
    page = text(leader.get(f"{url}/correct"))
    assert 'value="155"' in page
    assert "Shelley Alder" in page
    ana = scene.members[0]
    changed = sent(scene, pieces="120", reason="Miscounted", member=[str(ana)], place="Hall")
    answer = post(leader, changed | {f"count-{ana}": "100"}, f"{url}/correct")
    assert answer.status_code == 303
    page = text(leader.get(url))
    assert "120 postcards" in page
    assert "Miscounted" in page
    assert "Pieces: 155 → 120" in page
    assert "− Ben Cole: 48" in page
    assert "Place: Gym → Hall" in page


def test_undo_and_redo_on_the_page(leader: FlaskClient, scene: SimpleNamespace) -> None:
    url = post(leader, sent(scene)).headers["Location"]
    assert "Undo takes it out of every sum" in text(leader.get(url))
    assert leader.post(f"{url}/undo").status_code == 303
    assert "it counts in no list and no sum" in text(leader.get(url))
    assert "postcards" not in text(leader.get("/outreach")).split("<tbody>")[-1] or pieces() == []
    assert leader.post(f"{url}/redo").status_code == 303
    assert pieces() == [31] * 5


def test_a_leader_of_another_school_changes_nothing(
    leader: FlaskClient, scene: SimpleNamespace, sign_in: SignIn
) -> None:
    url = post(leader, sent(scene, note="Private", roster="Ana Brook 5")).headers["Location"]
    other = sign_in(scene.people.outsider)
    page = text(other.get(url))
    assert "Ana" in page
    assert "Brook" not in page
    assert "Private" not in page
    assert other.get(f"{url}/correct").status_code == 403
    assert other.post(f"{url}/undo").status_code == 409
    assert pieces() == [31] * 5


@pytest.mark.parametrize("who", ["viewer", "member"])
def test_who_may_not_log(scene: SimpleNamespace, sign_in: SignIn, who: str) -> None:
    client = sign_in(getattr(scene.people, who))
    assert client.get("/outreach/log").status_code == 403
    assert post(client, sent(scene)).status_code == 403
    assert count(Action) == 0


def test_channels_have_a_form_each(leader: FlaskClient, scene: SimpleNamespace) -> None:
    start = text(leader.get("/outreach/log?campaign=postcards"))
    links = re.findall(r'href="(/outreach/log/[^"]+)"', start)
    assert len(links) == 9
    for link in links:
        page = leader.get(link)
        assert page.status_code == 200
        assert text(page).count("<h1>") == 1
    assert leader.get("/outreach/log/pigeon").status_code == 404


def test_a_target_of_the_address_is_on_the_form(
    leader: FlaskClient, scene: SimpleNamespace, app: Flask
) -> None:
    page = text(leader.get(f"{CLASS}?target={scene.targets[4]}"))
    assert "Niue</textarea>" in page
    assert leader.get(f"{CLASS}?target=x&like=y&campaign=%00&chapter=z").status_code == 200
