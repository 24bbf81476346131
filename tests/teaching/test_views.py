"""Pictures and changed copies of them, embedded: each once, in order, on several threads."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from imgsim_core.models.catalogue import model_by_id
from imgsim_core.models.encoder import encode
from imgsim_core.samples import open_sample
from imgsim_core.teaching.views import changed, embedded

PICTURES = tuple(open_sample(name) for name in ("cat", "coffee", "rocket", "page", "grass"))


@pytest.fixture(scope="module")
def model():
    return model_by_id("efficientnet-lite2")


def test_copy_0_is_the_picture_as_the_model_sees_it_and_others_are_near(model):
    told = []
    views = embedded(model, PICTURES, 1, told=lambda done, of: told.append((done, of)))
    assert views.shape == (5, 2, model.dimension)
    alone = np.concatenate([encode(model, (one,), model.framing) for one in PICTURES])
    assert views[:, 0] == pytest.approx(alone, abs=1e-4)
    nearest = (views[:, 1] @ views[:, 0].T).argmax(axis=1)
    assert nearest.tolist() == [0, 1, 2, 3, 4]
    assert (views[:, 1] * views[:, 0]).sum(axis=1).max() < 0.9999
    assert [done for done, _ in told] == [4, 8, 10]
    assert {of for _, of in told} == {10}


def test_what_is_known_is_not_embedded_again(model):
    known = {}
    first = embedded(model, PICTURES[:3], 1, known=known)
    assert len(known) == 6
    told = []
    again = embedded(model, PICTURES, 1, known=known, told=lambda done, of: told.append((done, of)))
    assert told[-1] == (4, 4)
    assert (again[:3] == first).all()


def test_it_can_be_stopped_and_what_was_done_is_known(model):
    known, told = {}, []
    many = PICTURES * 4
    stopped = embedded(
        model,
        many,
        3,
        known=known,
        told=lambda done, of: told.append(done),
        stop=lambda: bool(told),
    )
    assert stopped is None
    assert 0 < len(known) < 4 * len(PICTURES)


def test_a_changed_copy_is_part_of_the_picture_in_other_light_and_always_the_same():
    picture = PICTURES[0]
    copies = [changed(picture, number) for number in (1, 2, 1)]
    assert copies[0].digest == copies[2].digest != copies[1].digest
    assert (copies[0].rgb == copies[2].rgb).all()
    for number, copy in zip((1, 2), copies[:2], strict=True):
        assert 0.59 < copy.width * copy.height / (picture.width * picture.height) <= 1
        part = copy.rgb[:, ::-1] if number % 2 else copy.rgb
        found = cv2.matchTemplate(picture.rgb, np.ascontiguousarray(part), cv2.TM_CCOEFF_NORMED)
        assert found.max() > 0.98
