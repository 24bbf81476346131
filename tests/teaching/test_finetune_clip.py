"""Fine-tuning a real, tiny open_clip model on made pictures and their texts."""

from __future__ import annotations

import csv
import dataclasses
import json

import numpy as np
import pytest
from PIL import Image, ImageDraw

from imgsim_core.errors import CannotTeach
from imgsim_core.models import encoder, own
from imgsim_core.models.catalogue import model_by_id
from imgsim_core.models.torchvision_operators import torch_library
from imgsim_core.teaching import clip, clip_task
from imgsim_core.teaching.pairs_table import pairs_from_csv

TINY = {
    "embed_dim": 32,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 64, "patch_size": 8},
    "text_cfg": {"context_length": 12, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1},
}
COLOURS = {
    "red": (220, 30, 30),
    "green": (30, 180, 40),
    "blue": (30, 60, 220),
    "yellow": (230, 220, 40),
    "black": (10, 10, 10),
    "white": (250, 250, 250),
}
SHAPES = ("circle", "square", "cross", "stripe", "frame")
EACH = 4


def drawn(colour, shape, number):
    random = np.random.default_rng(number)
    picture = Image.new("RGB", (48, 48), (128, 128, 128))
    draw, ink = ImageDraw.Draw(picture), COLOURS[colour]
    x, y = random.integers(2, 10, 2)
    box = (x, y, x + 32, y + 32)
    if shape == "circle":
        draw.ellipse(box, ink)
    elif shape == "square":
        draw.rectangle(box, ink)
    elif shape == "frame":
        draw.rectangle(box, outline=ink, width=5)
    else:
        draw.rectangle((x, y + 12, x + 32, y + 20), ink)
        if shape == "cross":
            draw.rectangle((x + 12, y, x + 20, y + 32), ink)
    return picture


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Write pictures of coloured shapes and a table of their captions."""
    folder = tmp_path_factory.mktemp("shapes")
    with (folder / "pairs.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["image", "caption"])
        number = 0
        for colour in COLOURS:
            for shape in SHAPES:
                for _ in range(EACH):
                    drawn(colour, shape, number).save(folder / f"{number}.png")
                    rows.writerow([f"{number}.png", f"a {colour} {shape}"])
                    number += 1
    return folder / "pairs.csv"


@pytest.fixture(scope="module")
def pairs(table):
    return pairs_from_csv(table)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Write a tiny CLIP of random but fixed weights as a model of the host's own."""
    import torch

    folder = tmp_path_factory.mktemp("weights")
    open_clip = torch_library("open_clip")
    (folder / "imgsim-teachable.json").write_text(json.dumps(TINY))
    open_clip.add_model_config(folder / "imgsim-teachable.json")
    torch.manual_seed(0)
    module = open_clip.create_model("imgsim-teachable")
    described = dataclasses.replace(
        model_by_id("clip-b32"),
        id="own-tiny",
        architecture="imgsim-teachable",
        dimension=32,
        size=32,
        taught_from="clip-b32",
    )
    layers = {name: part.numpy() for name, part in module.state_dict().items()}
    own.write_own(folder / "own-tiny.safetensors", described, layers, {})
    return folder


@pytest.fixture
def base(weights, monkeypatch, one_thread):
    monkeypatch.setenv("IMGSIM_WEIGHTS_DIR", str(weights))
    return model_by_id("own-tiny")


RECIPE = clip.recipe_for(steps=40, rate=4e-3, every=10, keep_every=20)


def test_held_out_loss_falls_and_the_catalogue_opens_the_result(pairs, base, tmp_path, monkeypatch):
    model = clip.model_from("own-shapes", base)
    found = clip.tune(pairs, model, base, RECIPE)
    before, after = found.summary["loss"]
    assert after < before
    assert found.helps
    assert found.loss.low > 0
    assert found.alpha in clip.ALPHAS
    assert found.recall.after > found.recall.before
    layers = {name: part.cpu().numpy() for name, part in found.network.module.state_dict().items()}
    own.write_own(tmp_path / "own-shapes.safetensors", model, layers, found.summary)
    monkeypatch.setenv("IMGSIM_WEIGHTS_DIR", str(tmp_path))
    opened = model_by_id("own-shapes")
    picture = pairs.pictures[0].opened()
    vectors = encoder.encode(opened, [picture], opened.framing)
    assert vectors.shape == (1, 32)
    words = encoder.encode_text(opened, ["a red circle", "a blue frame"])
    cosines = (words @ vectors[0]).tolist()
    assert cosines[0] > cosines[1]


def test_stopped_and_resumed_it_ends_as_if_never_stopped(pairs, base, tmp_path):
    model = clip.model_from("own-shapes", base)
    recipe = clip.recipe_for(steps=12, rate=3e-3, every=3, keep_every=5)
    whole = clip.tune(pairs, model, base, recipe)
    asked = iter(range(100))
    path = tmp_path / "shapes.training"
    part = clip.tune(pairs, model, base, recipe, checkpoint=path, stop=lambda: next(asked) == 11)
    assert part.descent.stopped
    assert part.descent.last_step == 7  # after four questions while the pictures were seen
    rest = clip.tune(pairs, model, base, recipe, checkpoint=path, resume=True)
    assert rest.descent.last_step == 12
    assert rest.descent.curve[1:] == whole.descent.curve[1:]  # the first has no loss: NaN
    assert rest.alpha == whole.alpha
    assert set(rest.descent.best) == set(whole.descent.best)
    for name, values in whole.descent.best.items():
        np.testing.assert_array_equal(rest.descent.best[name], values, err_msg=name)


def test_stopped_before_it_began_there_is_nothing(pairs, base):
    model = clip.model_from("own-shapes", base)
    assert clip.tune(pairs, model, base, RECIPE, stop=lambda: True) is None


def test_the_picture_tower_is_locked_unless_asked_otherwise(pairs, base, monkeypatch):
    looks = iter(range(99))  # each better than the last: this is not about what is learned
    monkeypatch.setattr(clip_task.ClipTask, "quality", lambda self: float(next(looks)))
    model = clip.model_from("own-shapes", base)
    recipe = clip.recipe_for(steps=2, rate=1e-3, every=2)
    locked = clip.tune(pairs, model, base, recipe).descent
    assert moved(locked)
    assert not any(name.startswith("visual.") for name in locked.best)
    unlocked = clip.tune(pairs, model, base, recipe, batch=16, locked=False).descent
    assert unlocked.best_step == 2
    assert any(name.startswith("visual.") for name in moved(unlocked))


def moved(found):
    return [
        name for name, values in found.best.items() if not np.array_equal(values, found.first[name])
    ]


def test_another_scale_of_the_same_cosines_is_no_gain(pairs, base, monkeypatch):
    monkeypatch.setattr(
        clip_task.ClipTask, "loss", lambda self, step: (self.module.logit_scale - 1).square()
    )
    model = clip.model_from("own-shapes", base)
    recipe = clip.recipe_for(steps=4, rate=0.1, every=2)
    found = clip.tune(pairs, model, base, recipe)
    assert len(found.descent.curve) == 3
    assert len({moment.quality for moment in found.descent.curve}) == 1
    assert found.descent.best_step == found.alpha == 0
    # And where the scale does come along, nothing is claimed for it
    looks = iter(range(99))
    monkeypatch.setattr(clip_task.ClipTask, "quality", lambda self: float(next(looks)))
    found = clip.tune(pairs, model, base, recipe)
    assert found.alpha == 1
    assert moved(found.descent) == ["logit_scale"]
    assert found.loss.after == found.loss.before
    assert found.recall.after == found.recall.before
    assert not found.helps


def test_pairs_that_are_alone_in_their_round_count_for_nothing(pairs, base):
    task = task_of(pairs, base)
    same_text = np.flatnonzero(pairs.links[:, 1] == 0)
    assert len(same_text) == EACH
    rows = np.append(same_text, np.flatnonzero(pairs.links[:, 1] == 1)[0])
    compared = task.comparable(rows)
    assert compared.tolist() == [same_text[0], rows[-1]]
    losses = task.losses(rows)
    assert np.isnan(losses).tolist() == [False, True, True, True, False]
    np.testing.assert_allclose(task.losses(compared), losses[[0, -1]], rtol=1e-5)
    assert task.comparable(same_text).tolist() == []
    # Nor do they say how good a look is
    task._watched = task.comparable(rows)
    assert task.quality() == pytest.approx(-losses[[0, -1]].mean(), rel=1e-5)


def test_of_too_many_pairs_some_of_each_family_are_kept(pairs, monkeypatch):
    whole = clip.parts_of(pairs)
    families = pairs.families()
    count = len(set(families[whole.judged]))
    assert len(whole.judged) > 2 * count
    monkeypatch.setattr(clip, "_MOST_ASKED", count + 1)
    judged = clip.parts_of(pairs).judged
    assert len(judged) == count + 1
    assert set(families[judged]) == set(families[whole.judged])


def test_nothing_of_a_picture_or_a_text_is_in_two_parts(pairs):
    parts = clip.parts_of(pairs)
    rows = [parts.learned, parts.watched, parts.judged]
    assert sorted(np.concatenate(rows).tolist()) == list(range(len(pairs)))
    for column in (0, 1):
        used = [set(pairs.links[part, column].tolist()) for part in rows]
        assert not used[0] & used[1]
        assert not used[0] & used[2]
        assert not used[1] & used[2]


def task_of(pairs, base, locked=True):
    from imgsim_core.models.network import network_to_teach

    parts = clip.parts_of(pairs)
    task = clip_task.ClipTask(
        pairs,
        parts.learned,
        parts.watched,
        base,
        network_to_teach(base),
        encoder.tokenizer(base),
        256,
        0,
        locked=locked,
    )
    assert task.see()
    return task


def test_the_loss_of_pairs_is_on_average_open_clips_own(pairs, base):
    import torch

    task = task_of(pairs, base)
    links = pairs.links
    _, rows = np.unique(links[:, 1], return_index=True)  # each text once
    losses = task.losses(rows)
    pictures, texts = task._all_pictures(links[rows, 0]), task._all_texts(links[rows, 1])
    scale = task.module.logit_scale.exp()
    with torch.no_grad():
        theirs = torch_library("open_clip.loss").ClipLoss()(pictures, texts, scale)
    assert losses.mean() == pytest.approx(float(theirs), abs=1e-5)
    # And of networks with a bias, SigLIP's
    task._bias, task._is_sigmoid = torch.tensor(-3.0), True
    with torch.no_grad():
        theirs = torch_library("open_clip.loss").SigLipLoss()(pictures, texts, scale, task._bias)
    assert task.losses(rows).mean() == pytest.approx(float(theirs), abs=1e-4)


def test_no_round_holds_a_picture_or_a_text_twice(pairs):
    rounds = list(clip_task._rounds(pairs.links, 20))
    assert sorted(np.concatenate(rounds).tolist()) == list(range(len(pairs)))
    for rows in rounds:
        assert len(rows) <= 20
        for column in (0, 1):
            assert len(set(pairs.links[rows, column])) == len(rows)


def test_weights_are_mixed_as_far_as_asked():
    first = {"a": np.zeros(2, np.float32), "count": np.array(1)}
    last = {"a": np.ones(2, np.float32), "count": np.array(5)}
    mixed = clip.mixed(first, last, 0.25)
    assert mixed["a"].tolist() == [0.25, 0.25]
    assert mixed["a"].dtype == np.float32
    assert mixed["count"] == 5


def test_where_nothing_can_be_learned_the_original_stays(pairs, base):
    """At a rate of nearly nothing no look is better by more than rounding; none is claimed."""
    model = clip.model_from("own-shapes", base)
    found = clip.tune(pairs, model, base, clip.recipe_for(steps=2, rate=1e-12, every=1))
    assert not found.helps


def test_a_model_without_words_is_refused():
    with pytest.raises(CannotTeach, match="knows no words"):
        clip.model_from("own-x", model_by_id("efficientnet-lite2"))


def test_in_half_precision_it_learns_too(pairs, base, monkeypatch):
    """The processor's bfloat16 stands in for a graphics processor's: every number type meets."""
    import torch

    asked = []

    def half(device, studies):
        asked.append(studies)
        return torch.autocast(device.type, torch.bfloat16, enabled=studies)

    monkeypatch.setattr(clip_task, "half_precision", half)
    recipe = dataclasses.replace(RECIPE, steps=20)
    found = clip.tune(pairs, clip.model_from("own-shapes", base), base, recipe)
    assert {True, False} == set(asked)
    before, after = found.summary["loss"]
    assert after < before
