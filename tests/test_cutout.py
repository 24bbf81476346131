"""The subject apart from its background: found, corrected, doubted, and laid on white."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from cachetools import TTLCache
from numpy.typing import NDArray

from imgsim_core import cutout
from imgsim_core.cutout import Correction, Cutout, cut_out, without_background
from imgsim_core.cutting import likely
from imgsim_core.cutting.own_network import FILE, OwnNetwork, own_network
from imgsim_core.errors import BadBox, NoSubject
from imgsim_core.models.openvino_alone import openvino_alone
from imgsim_core.picture import Picture
from imgsim_core.samples import open_sample
from imgsim_core.text import Text
from tests.pictures import blank, picture_of

Mask = NDArray[np.bool_]
BY_HAND = Text("by hand")


def overlap(a: Mask, b: Mask) -> float:
    """Intersection over union of two masks."""
    return float((a & b).sum() / (a | b).sum())


def disc_on_gradient(size: int = 240) -> tuple[Picture, Mask]:
    """A red disc on a calm grey slope, and where it is."""
    rows, columns = np.indices((size, size))
    slope = np.repeat((120 + 60 * rows / size)[..., None], 3, axis=2)
    disc = (rows - 0.45 * size) ** 2 + (columns - 0.55 * size) ** 2 < (0.25 * size) ** 2
    slope[disc] = (190, 40, 30)
    grain = np.random.default_rng(0).normal(0, 3, slope.shape)
    return picture_of(np.clip(slope + grain, 0, 255).astype(np.uint8)), disc


def two_discs() -> tuple[Picture, Mask, Mask]:
    """A red disc left, a blue one right, on grey."""
    rows, columns = np.indices((160, 320))
    rgb = np.full((160, 320, 3), 150, np.uint8)
    left, right = ((rows - 80) ** 2 + (columns - middle) ** 2 < 45**2 for middle in (80, 240))
    rgb[left], rgb[right] = (200, 30, 30), (30, 40, 190)
    return picture_of(rgb), left, right


@pytest.fixture(autouse=True)
def no_network_of_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(FILE, raising=False)


# ── Finding ────────────────────────────────────────────────────────────────────────


def test_one_thing_on_a_calm_ground_is_found_to_its_edge():
    picture, disc = disc_on_gradient()
    assert overlap(cut_out(picture).mask, disc) > 0.95


def test_it_is_found_without_the_network_too(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("imgsim_core.cutout.model_that_looks", lambda: None)
    picture, disc = disc_on_gradient()
    found = cut_out(picture)
    assert overlap(found.mask, disc) > 0.95
    assert str(found.way) == "by colours: GrabCut"


def test_the_cup_is_cut_out_like_the_one_cut_by_hand():
    # samples.py drew its outline by hand; the variant has a white border of 25 pixels
    found = cut_out(open_sample("coffee"))
    by_hand = np.any(open_sample("cup-on-white").rgb < 250, axis=2)
    by_hand = np.array(
        cv2.resize(by_hand.astype(np.uint8), found.mask.shape[::-1], interpolation=cv2.INTER_AREA)
    ).astype(bool)
    inside = cv2.erode(by_hand.astype(np.uint8), np.ones((9, 9), np.uint8)).astype(bool)
    assert found.mask[inside].mean() > 0.8


def test_the_same_picture_is_cut_out_the_same_every_time():
    picture = open_sample("motorcycle-left")
    assert np.array_equal(cut_out(picture).mask, cut_out(picture).mask)


def test_what_was_seen_in_a_picture_is_kept_for_strokes_and_then_let_go_of(
    monkeypatch: pytest.MonkeyPatch,
):
    now = [0.0]
    kept = TTLCache(2**20, cutout._REMEMBERED_SECONDS, lambda: now[0], lambda _: 1)
    monkeypatch.setattr(cutout, "_remembered", kept)
    cut_out(disc_on_gradient()[0])
    now[0] += cutout._REMEMBERED_SECONDS - 1
    cutout.forget_old()
    assert len(kept) == 1
    now[0] += 2
    cutout.forget_old()
    assert kept.currsize == 0


def test_a_picture_on_transparency_is_cut_out_by_it():
    picture, disc = disc_on_gradient()
    found = cut_out(replace(picture, mask=~disc))
    assert np.array_equal(found.mask, ~disc)
    assert "transparency" in str(found.way)


@pytest.mark.parametrize("level", [0, 128, 255])
def test_where_nothing_stands_apart_there_is_no_subject(level: int):
    with pytest.raises(NoSubject, match="stands apart"):
        cut_out(blank(90, 120, level))


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (2, 2), (7, 5)])
def test_tiny_pictures_have_a_cut_out_or_a_sentence(shape: tuple[int, int]):
    rgb = np.random.default_rng(1).integers(0, 256, (*shape, 3), dtype=np.uint8)
    try:
        found = cut_out(picture_of(rgb))
    except NoSubject:
        return
    assert found.mask.shape == shape
    assert found.mask.any()


def test_likelihoods_are_shares_of_the_pictures_own_size():
    model = likely.model_that_looks()
    assert model is not None
    rgb = np.ascontiguousarray(open_sample("cat").rgb[::3, ::3])
    found = likely.likely_subject(rgb, model)
    assert found.shape == rgb.shape[:2]
    assert found.dtype == np.float32
    assert 0 <= found.min() < 0.3 < found.max() <= 1


# ── Correcting ─────────────────────────────────────────────────────────────────────


def test_a_box_chooses_between_two_things():
    picture, left, right = two_discs()
    for box, wanted in (((0.05, 0.1, 0.45, 0.9), left), ((0.55, 0.1, 0.95, 0.9), right)):
        assert overlap(cut_out(picture, Correction(box)).mask, wanted) > 0.9


def test_nothing_is_found_outside_the_box():
    box = (0.2, 0.3, 0.6, 0.9)
    picture = open_sample("motorcycle-left")
    rows, columns = np.nonzero(cut_out(picture, Correction(box)).mask)
    slack = 3 / 256  # pixels of the reduced picture
    assert columns.min() / picture.width >= box[0] - slack
    assert columns.max() / picture.width <= box[2] + slack
    assert rows.min() / picture.height >= box[1] - slack
    assert rows.max() / picture.height <= box[3] + slack


def test_strokes_are_obeyed():
    picture, left, right = two_discs()
    on_left, on_right = ((0.2, 0.5), (0.3, 0.5)), ((0.7, 0.5), (0.8, 0.5))
    only_left = cut_out(picture, Correction(keep=(on_left,), drop=(on_right,))).mask
    assert overlap(only_left, left) > 0.9
    both = cut_out(picture, Correction(keep=(on_left, on_right))).mask
    assert overlap(both, left | right) > 0.9


def test_what_a_stroke_drops_is_gone_and_what_it_keeps_is_there():
    picture = open_sample("cat")
    kept, dropped = ((0.9, 0.9), (0.95, 0.95)), ((0.4, 0.4), (0.5, 0.5))
    mask = cut_out(picture, Correction(keep=(kept,), drop=(dropped,))).mask
    for strokes, wanted in ((kept, True), (dropped, False)):
        for x, y in strokes:
            assert mask[int(y * picture.height), int(x * picture.width)] == wanted


def test_a_point_is_a_stroke_as_well():
    picture, left, _ = two_discs()
    mask = cut_out(picture, Correction(keep=(((0.25, 0.5),),), drop=(((0.75, 0.5),),))).mask
    assert overlap(mask, left) > 0.9


@pytest.mark.parametrize(
    "correction",
    [
        Correction((0.5, 0.1, 0.5, 0.9)),
        Correction((0.6, 0.1, 0.4, 0.9)),
        Correction((0.1, 0.1, 1.2, 0.9)),
        Correction(keep=(((0.5, -0.1),),)),
        Correction(drop=(((0.5, float("nan")),),)),
    ],
)
def test_what_is_drawn_outside_the_picture_is_refused(correction: Correction):
    with pytest.raises(BadBox):
        cut_out(blank(50, 50), correction)


# ── Without background ─────────────────────────────────────────────────────────────


def test_the_subject_is_laid_on_white_where_it_is():
    picture, disc = disc_on_gradient()
    found = Cutout(disc, BY_HAND)
    laid = without_background(picture, found, crop=False)
    assert laid.rgb.shape == picture.rgb.shape
    assert (laid.rgb[~disc] == 255).all()
    assert np.array_equal(laid.rgb[disc], picture.rgb[disc])
    assert laid.digest != picture.digest
    assert "background was taken away" in str(laid.notes[-1])


def test_cropped_it_is_no_larger_than_it_must_be():
    picture, disc = disc_on_gradient()
    laid = without_background(picture, Cutout(disc, BY_HAND))
    assert laid.mask is not None
    assert laid.mask.sum() == disc.sum()
    assert laid.width < 0.6 * picture.width
    assert not laid.rgb.flags.writeable


# ── A network of the host's own ────────────────────────────────────────────────────


def save_network(folder: Path, side: int, *, channels: int = 3, masks: int = 1) -> Path:
    """Write a network whose mask is how red a place is, as OpenVINO keeps it."""
    openvino = openvino_alone()
    from openvino import opset13 as op

    picture = op.parameter([1, channels, side, side], np.float32, name="input")
    weights = np.zeros((masks, channels, 1, 1), np.float32)
    weights[:, 0], weights[:, -1] = 40, -40
    steep = op.convolution(picture, op.constant(weights), [1, 1], [0, 0], [0, 0], [1, 1])
    network = openvino.Model([op.sigmoid(op.add(steep, op.constant(np.float32(-4))))], [picture])
    path = folder / f"red-{side}-{channels}-{masks}.xml"
    openvino.save_model(network, str(path), compress_to_fp16=False)
    return path


@pytest.mark.parametrize("side", [320, 512])
def test_a_network_that_the_host_names_is_used(
    side: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(FILE, str(save_network(tmp_path, side)))
    picture, left, _ = two_discs()
    found = cut_out(picture)
    assert overlap(found.mask, left) > 0.97
    assert f"red-{side}" in str(found.way)
    assert found.note is None
    # Strokes are obeyed here too
    kept = Correction(keep=(((0.7, 0.5), (0.8, 0.5)),))
    assert cut_out(picture, kept).mask[80, 240]


@pytest.mark.parametrize("content", [None, b"", b"not a network", b"\x08\x07\x12\x04onnx"])
def test_a_file_that_is_no_network_is_told_and_colours_go_on(
    content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "isnet.onnx"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv(FILE, str(path))
    picture, disc = disc_on_gradient()
    found = cut_out(picture)
    assert overlap(found.mask, disc) > 0.95
    assert found.note is not None
    assert "isnet.onnx" in str(found.note)
    assert str(tmp_path) not in str(found.note)


@pytest.mark.parametrize(("channels", "masks"), [(1, 1), (3, 2)])
def test_a_network_of_another_kind_is_told(
    channels: int, masks: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(FILE, str(save_network(tmp_path, 64, channels=channels, masks=masks)))
    assert "gives a mask" in str(own_network())


def test_a_network_is_loaded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(FILE, str(save_network(tmp_path, 96)))
    first = own_network()
    assert isinstance(first, OwnNetwork)
    assert own_network() is first
