"""What is promised of faces: found, judged, compared, named, and never written down."""

from __future__ import annotations

import copy
import itertools
import pickle
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from scipy.stats import binomtest

from imgsim_core.applications.faces import measured, switch
from imgsim_core.applications.faces.comparing import (
    NEAR,
    Line,
    Verdict,
    compare_faces,
    verdict_of,
)
from imgsim_core.applications.faces.detecting import describe_face, find_faces
from imgsim_core.applications.faces.examples import EXAMPLES, open_example
from imgsim_core.applications.faces.face import Face, FacePrint
from imgsim_core.applications.faces.people import (
    MOST_PEOPLE,
    MOST_PICTURES,
    People,
    Person,
    recognise,
)
from imgsim_core.errors import BadSetting, FacesOff, NoFace, NotEnrolled, WeightsMissing
from imgsim_core.models import faces as models
from imgsim_core.picture import Picture
from imgsim_core.samples import open_sample
from imgsim_core.text import Text

LINE = Line.USUAL


def picture_of(rgb: np.ndarray) -> Picture:
    return Picture(np.ascontiguousarray(rgb), f"digest{rgb.shape}", "made.png")


@pytest.fixture(scope="module")
def portrait() -> tuple[Face, FacePrint]:
    (face,) = find_faces(open_example("portrait"))
    return face, describe_face(face)


def made_face(doubts: tuple[Text, ...] = ()) -> Face:
    """A face for the rules alone: nobody looks at its pixels."""
    return Face((0, 0, 90, 90), np.zeros((5, 2)), np.zeros((150, 150, 3), np.uint8), 2, 0, doubts)


def at(*place: float) -> FacePrint:
    """A description at a place of one's own choice."""
    vector = np.zeros(128)
    vector[: len(place)] = place
    return FacePrint(vector)


def person(name: str, *prints: FacePrint) -> Person:
    return Person(name, tuple(made_face() for _ in prints), prints)


# ── Finding ────────────────────────────────────────────────────────────────────────


def test_the_face_of_the_portrait_is_found_where_it_is(portrait):
    face, _ = portrait
    left, top, right, bottom = face.box
    assert left < 224 < right  # the nose, measured in the photograph
    assert top < 135 < bottom
    assert 80 < face.width < 130
    outer_right, inner_right, outer_left, inner_left, nose = face.points
    assert outer_left[0] < inner_left[0] < nose[0] < inner_right[0] < outer_right[0]
    assert max(point[1] for point in face.points[:4]) < nose[1]
    assert face.chip.shape == (150, 150, 3)
    assert face.is_good


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_turned_picture_holds_the_same_face_in_the_turned_place(portrait, turns: int):
    upright, print_ = portrait
    rgb = open_example("portrait").rgb
    (face,) = find_faces(picture_of(np.rot90(rgb, turns)))
    assert face.turns == (4 - turns) % 4
    assert print_.distance(describe_face(face)) < 0.05
    # One pixel at the nose is turned along with the picture: the place must follow it
    mark = np.zeros(rgb.shape[:2])
    x, y = np.round(upright.points[4]).astype(int)
    mark[y, x] = 1
    row, column = np.argwhere(np.rot90(mark, turns))[0]
    assert np.hypot(*(face.points[4] - (column, row))) < 2


@pytest.mark.parametrize("degrees", [20, -30, 75])
def test_a_tilted_head_is_as_good_as_an_upright_one(portrait, degrees: int):
    rgb = open_example("portrait").rgb
    turn = cv2.getRotationMatrix2D((256, 256), degrees, 1)
    tilted = cv2.warpAffine(rgb, turn, (512, 512), borderValue=(128, 128, 128))
    face = max(find_faces(picture_of(tilted)), key=lambda found: found.score)
    assert face.is_good
    assert portrait[1].distance(describe_face(face)) < 0.15
    wanted = turn @ (*portrait[0].points[4], 1)
    assert np.hypot(*(face.points[4] - wanted)) < 5


def test_a_small_face_is_found_by_the_finer_look():
    ground = np.full((700, 1100, 3), 127, np.uint8)
    small = cv2.resize(open_example("portrait").rgb, (260, 260), interpolation=cv2.INTER_AREA)
    ground[200:460, 500:760] = small
    large = cv2.resize(open_example("portrait").rgb, (380, 380), interpolation=cv2.INTER_AREA)
    ground[100:480, 20:400] = large
    both = find_faces(picture_of(ground), small=True)
    assert len(both) == 2
    assert [face.width for face in both] == sorted((face.width for face in both), reverse=True)
    assert len(find_faces(picture_of(ground))) == 1


def test_every_example_is_what_it_says():
    found = {example.id: find_faces(open_example(example.id)) for example in EXAMPLES}
    assert not found["none"]
    assert len(found["group"]) == 3
    good = {code for code, faces in found.items() if faces and all(f.is_good for f in faces)}
    assert good == {"portrait", "older", "bent", "group", "side"}
    assert any("blurred" in str(doubt) for doubt in found["blurred"][0].doubts)
    assert any("small" in str(doubt) for doubt in found["far"][0].doubts)


def test_odd_pictures_hold_no_face_and_break_nothing():
    for shape in ((1, 1, 3), (3, 4000, 3), (4000, 2, 3), (40, 40, 3)):
        assert find_faces(picture_of(np.full(shape, 90, np.uint8))) == ()
    assert find_faces(open_sample("horse")) == ()  # a drawing


def test_darkness_and_edges_are_said():
    rgb = open_example("portrait").rgb
    dark = find_faces(picture_of((rgb * 0.12).astype(np.uint8)))
    assert dark
    assert "It is too dark." in map(str, dark[0].doubts)
    cut = find_faces(picture_of(rgb[:, 190:]), small=True)
    assert all(not face.is_good for face in cut)


def test_threads_that_look_at_once_find_the_same(portrait):
    pictures = [open_example(name) for name in ("portrait", "group", "older")] * 2
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(find_faces, pictures))
        prints = list(pool.map(describe_face, [found[0][0]] * 4))
    assert [len(faces) for faces in found] == [1, 3, 1] * 2
    assert [[face.box for face in faces] for faces in found[:3]] == [
        [face.box for face in faces] for faces in found[3:]
    ]
    assert all(np.array_equal(one.vector, portrait[1].vector) for one in prints)


# ── Comparing ──────────────────────────────────────────────────────────────────────


def test_descriptions_agree_with_dlib_asked_directly(portrait):
    """Independent reference: dlib's own way from rectangle to descriptor, on both sides."""
    import dlib
    from face_recognition_models import (
        face_recognition_model_location,
        pose_predictor_five_point_model_location,
    )

    face, print_ = portrait
    shape = dlib.shape_predictor(pose_predictor_five_point_model_location())
    encoder = dlib.face_recognition_model_v1(face_recognition_model_location())
    rgb = np.array(open_example("portrait").rgb)
    box = dlib.rectangle(*(round(side) for side in face.box))
    theirs = np.array(encoder.compute_face_descriptor(rgb, shape(rgb, box)))
    mirrored = np.ascontiguousarray(face.chip[:, ::-1])
    both = (theirs + np.array(encoder.compute_face_descriptor(mirrored))) / 2
    assert np.linalg.norm(print_.vector - both) < 0.01


def test_a_damaged_portrait_is_the_same_person_and_a_bent_one_is_not_called(portrait):
    def judged(example: str) -> Verdict:
        (face,) = find_faces(open_example(example))
        return compare_faces(portrait, (face, describe_face(face))).verdict

    assert judged("older") is Verdict.SAME
    assert judged("bent") is Verdict.CLOSE
    assert judged("blurred") is Verdict.NONE


def test_the_mirrored_face_is_the_same(portrait):
    (face,) = find_faces(picture_of(open_example("portrait").rgb[:, ::-1]))
    assert portrait[1].distance(describe_face(face)) < 0.1


def test_no_verdict_says_which_face_and_why():
    poor = made_face((Text("It is too dark."),))
    judged = compare_faces((made_face(), at(0)), (poor, at(0)))
    assert judged.verdict is Verdict.NONE
    assert judged.distance is None
    assert [str(reason) for reason in judged.reasons] == ["Face B: It is too dark."]


@pytest.mark.parametrize("line", Line)
def test_near_the_line_nothing_is_said(line: Line):
    for step in (-1, 0, 1):
        assert verdict_of(line.distance + step * NEAR * 0.99, line) is Verdict.CLOSE
    assert verdict_of(line.distance - NEAR * 1.01, line) is Verdict.SAME
    assert verdict_of(line.distance + NEAR * 1.01, line) is Verdict.DIFFERENT


# ── What was measured ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize("rate", [measured.missed, measured.joined, measured.strangers_joined])
@pytest.mark.parametrize("line", Line)
def test_intervals_are_those_of_scipy(rate, line: Line):
    found = rate(line.distance)
    theirs = binomtest(found.count, found.of).proportion_ci(method="wilson")
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), abs=1e-6)


def test_a_stricter_line_joins_fewer_and_misses_more():
    steps = np.arange(0, 1.6, 0.05)
    joined = [measured.joined(step).count for step in steps]
    missed = [measured.missed(step).count for step in steps]
    assert joined == sorted(joined)
    assert missed == sorted(missed, reverse=True)
    assert joined[0] == 0
    assert missed[0] == measured.missed(0).of > 0
    assert joined[-1] > 0


def test_the_shipped_figures_hold_three_hundred_pairs():
    found = measured.measured()
    assert sum(found.same) + sum(found.different) == 300
    right = sum(found.same) - measured.missed(0.6).count
    right += sum(found.different) - measured.joined(0.6).count
    assert right / 300 >= 0.97
    assert "9 public persons" in str(found.provenance)


# ── People ─────────────────────────────────────────────────────────────────────────


def test_nobody_is_enrolled_without_consent_name_or_a_good_face():
    people = People()
    for name, face, consent, error in (
        ("Ada", made_face(), False, NotEnrolled),
        ("  ", made_face(), True, NotEnrolled),
        ("Ada", made_face((Text("It is too dark."),)), True, NoFace),
    ):
        with pytest.raises(error):
            people.enrol(name, face, at(0), consent=consent)
    assert len(people) == 0


def test_the_number_of_people_and_pictures_is_bounded():
    people = People()
    for count in range(MOST_PICTURES):
        people.enrol("Ada", made_face(), at(0.01 * count), consent=True)
    with pytest.raises(NotEnrolled):
        people.enrol("Ada", made_face(), at(0), consent=True)
    for count in range(MOST_PEOPLE - 1):
        people.enrol(f"Person {count}", made_face(), at(count + 1), consent=True)
    with pytest.raises(NotEnrolled):
        people.enrol("One more", made_face(), at(99), consent=True)
    people.remove("Ada")
    assert len(people) == MOST_PEOPLE - 1
    people.forget()
    assert len(people) == 0


def test_enrolling_says_when_a_face_is_near_another_or_far_from_its_own():
    people = People()
    assert people.enrol("Ada", made_face(), at(0), consent=True) is None
    far = people.enrol("Ada", made_face(), at(1), consent=True)
    assert "is it the same person?" in str(far)
    near = people.enrol("Eve", made_face(), at(0.5), consent=True)
    assert "look alike" in str(near)


def test_nobody_is_named_twice_in_a_picture():
    ada = person("Ada", at(0))
    faces = [(made_face(), at(0.2)), (made_face(), at(0.1)), (made_face(), at(0.3))]
    found = recognise(faces, [ada], LINE)
    assert [one.person for one in found] == [None, ada, None]
    assert found[0].elsewhere is ada
    assert "nobody is twice" in str(found[0].words)


def test_the_assignment_is_the_best_of_all():
    """Independent reference: every way to name the faces is tried."""
    random = np.random.default_rng(4)
    for _ in range(40):
        people = [person(f"P{i}", at(*random.uniform(-0.5, 0.5, 3))) for i in range(3)]
        prints = [at(*random.uniform(-0.5, 0.5, 3)) for _ in range(3)]
        found = recognise([(made_face(), print_) for print_ in prints], people, LINE)
        ours = sum(LINE.distance if one.person is None else one.distance for one in found)
        ways = itertools.product([None, *people], repeat=3)
        best = min(
            sum(
                LINE.distance if one is None else one.distance(print_)
                for one, print_ in zip(way, prints, strict=True)
            )
            for way in ways
            if len({id(one) for one in way if one}) == sum(one is not None for one in way)
        )
        assert ours == pytest.approx(best)


def test_no_name_is_forced_on_a_stranger():
    (found,) = recognise([(made_face(), at(0.61))], [person("Ada", at(0))], LINE)
    assert found.person is None
    assert str(found.words) == "Nobody who is enrolled."


def test_twins_are_both_named_and_neither_with_certainty():
    twins = [person("Ada", at(0)), person("Eve", at(0, 0.03))]
    (found,) = recognise([(made_face(), at(0.2))], twins, LINE)
    assert not found.is_certain
    assert {"Ada", "Eve"} <= set(str(found.words).replace(":", "").split())


def test_close_to_the_line_is_perhaps():
    (found,) = recognise([(made_face(), at(0.57))], [person("Ada", at(0))], LINE)
    assert not found.is_certain
    assert str(found.words).startswith("Perhaps Ada")
    (sure,) = recognise([(made_face(), at(0.3))], [person("Ada", at(0))], LINE)
    assert sure.is_certain


def test_a_poor_face_is_never_named():
    poor = made_face((Text("It is too dark."),))
    (found,) = recognise([(poor, at(0))], [person("Ada", at(0))], LINE)
    assert found.person is None
    assert str(found.words) == "No verdict. It is too dark."


# ── Never written down ─────────────────────────────────────────────────────────────


def test_faces_and_people_refuse_to_be_pickled(portrait):
    people = People()
    people.enrol("Ada", *portrait, consent=True)
    for secret in (*portrait, people, people.everybody[0], recognise([portrait], [], LINE)[0]):
        with pytest.raises(TypeError, match="memory only"):
            pickle.dumps(secret)
        with pytest.raises(TypeError, match="memory only"):
            copy.deepcopy(secret)


def test_what_a_log_would_show_holds_no_face(portrait):
    people = People()
    people.enrol("Ada", *portrait, consent=True)
    shown = "".join(map(repr, (*portrait, people, *people.everybody)))
    numbers = [f"{value:.4f}"[:6] for value in portrait[1].vector[:5]]
    assert not [number for number in numbers if number in shown]
    assert "array" not in shown


# ── The host ───────────────────────────────────────────────────────────────────────


def test_it_is_off_unless_the_host_says_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(switch.SETTING, raising=False)
    assert not switch.is_on()
    with pytest.raises(FacesOff):
        switch.check_on()
    monkeypatch.setenv(switch.SETTING, "1")
    switch.check_on()
    monkeypatch.setenv(switch.SETTING, "yes please")
    with pytest.raises(BadSetting):
        switch.is_on()


def test_missing_packages_are_a_sentence(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(models, "_MODULES", ("dlib", "no_such_package"))
    monkeypatch.setattr(models, "_loaded", [])
    assert "dlib-bin" in str(models.availability())
    with pytest.raises(WeightsMissing):
        models.face_models()


def test_only_the_free_landmarks_are_loaded(monkeypatch: pytest.MonkeyPatch):
    import face_recognition_models

    def refuse() -> str:
        raise AssertionError("the 68-point predictor was asked for")

    monkeypatch.setattr(face_recognition_models, "pose_predictor_model_location", refuse)
    models.FaceModels()
