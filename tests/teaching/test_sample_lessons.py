"""The sample lessons: made the same every time, and as good or as useless as they say."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from imgsim_core.errors import UnknownSample
from imgsim_core.models.catalogue import model_by_id
from imgsim_core.teaching import sample_lessons
from imgsim_core.teaching.groups import grouped
from imgsim_core.teaching.lesson import lesson
from imgsim_core.teaching.sample_lessons import all_lessons, lesson_by_id, members_of
from imgsim_core.teaching.views import embedded

IDS = [one.id for one in all_lessons()]


def groups_of(lesson_id):
    return grouped([(picture, str(label)) for picture, label in members_of(lesson_id)])


@pytest.mark.parametrize("lesson_id", IDS)
def test_a_lesson_has_groups_enough_of_different_pictures_and_no_notes(lesson_id):
    groups = groups_of(lesson_id)
    assert len(groups) == len(members_of(lesson_id))
    assert len(groups.names) >= 12
    assert set(groups.sizes.tolist()) == {5}
    assert groups.notes == ()


def test_a_lesson_is_made_the_same_every_time():
    first = [picture.digest for picture, _ in lesson_by_id("chance").make()]
    assert first == [picture.digest for picture, _ in lesson_by_id("chance").make()]


def test_colours_are_what_they_are_called():
    """The mean hue of each group, by OpenCV, goes once round the wheel in equal steps."""
    hues = []
    for picture, _ in members_of("colour"):
        hsv = cv2.cvtColor(picture.rgb, cv2.COLOR_RGB2HSV).reshape(-1, 3)
        seen = hsv[(hsv[:, 1] > 80) & (hsv[:, 2] > 80), 0]
        angles = np.exp(2j * np.pi * seen / 180)
        hues.append(np.angle(angles.mean(), deg=True) % 360)
    for place in range(12):
        off = (np.array(hues[5 * place : 5 * place + 5]) - 30 * place + 180) % 360 - 180
        assert np.abs(off).max() < 6


def test_an_unknown_lesson_is_said():
    with pytest.raises(UnknownSample, match="nothing"):
        lesson_by_id("nothing")


@pytest.mark.parametrize(
    ("lesson_id", "helps"), [("colour", True), ("outline", True), ("chance", False)]
)
def test_a_lesson_does_what_it_says(lesson_id, helps):
    groups = groups_of(lesson_id)
    views = embedded(model_by_id("efficientnet-lite2"), groups.pictures, 0)
    assert views is not None
    found = lesson(groups, views, "base", lesson_id)
    assert found.helps is helps
    if helps:
        assert found.recall.low > 0.1  # not by a hair: another machine must agree


def test_the_lessons_are_listed_in_a_fixed_order():
    assert [one.id for one in sample_lessons.LESSONS] == ["colour", "outline", "chance"]
