"""Whole Siamese networks, trained in seconds on made pictures."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from imgsim_core.errors import CannotTeach, WrongCheckpoint
from imgsim_core.models import encoder, own
from imgsim_core.models.catalogue import model_by_id
from imgsim_core.models.network import new_network
from imgsim_core.picture import Picture
from imgsim_core.teaching import finetune, siamese_network, siamese_task
from imgsim_core.teaching.groups import grouped
from imgsim_core.teaching.judging import FEWEST_TO_CLAIM
from imgsim_core.teaching.siamese import Loss
from imgsim_core.text import Text

SIDE, EACH = 64, 4
pytestmark = pytest.mark.usefixtures("one_thread")


def striped(hue, random):
    """Draw bright and dark stripes of one hue; all but the hue is drawn by chance."""
    y, x = np.mgrid[:SIDE, :SIDE]
    angle, period = random.uniform(0, np.pi), 2 ** random.uniform(2.5, 5)
    along = (x * np.cos(angle) + y * np.sin(angle)) / period + random.random()
    light = 0.3 + 0.7 * (np.sin(2 * np.pi * along) > 0.4)
    wheel = np.abs((6 * hue + np.array([0, 4, 2])) % 6 - 3) - 1
    return (255 * light[..., None] * np.clip(wheel, 0.1, 1)).astype(np.uint8)


def of_one_hue(count):
    random = np.random.default_rng(0)
    members = []
    for group in range(count):
        for number in range(EACH):
            digest = f"{int(random.integers(2**62)):016x}" * 4
            picture = Picture(striped(group / count, random), digest, f"{group}-{number}")
            members.append((picture, f"hue {group}"))
    return grouped(members)


@pytest.fixture(scope="module")
def groups():
    return of_one_hue(40)


@pytest.fixture(scope="module")
def few():
    return of_one_hue(6)


def new(steps, **wishes):
    model = siamese_network.new_model("own-stripes", "test_resnet", SIDE)
    return model, siamese_network.recipe_for(True, steps=steps, rate=5e-3, **wishes)


def ignorant(folder, monkeypatch):
    """Write a network that has learned nothing, as a model of the host's own."""
    import torch

    torch.manual_seed(1)
    model, _ = new(1)
    layers = {name: part.numpy() for name, part in new_network(model).module.state_dict().items()}
    own.write_own(folder / "own-base.safetensors", model, layers, {})
    monkeypatch.setenv("IMGSIM_WEIGHTS_DIR", str(folder))
    return model_by_id("own-base"), layers


def test_from_nothing_it_learns_what_holds_for_groups_never_seen(groups, tmp_path, monkeypatch):
    usual, _ = ignorant(tmp_path, monkeypatch)
    model, recipe = new(30)
    found = siamese_network.teach_network(groups, model, None, recipe, usual=usual)
    assert found.helps, found.summary
    assert "better than by base (own model) as it is" in str(found.verdict)
    assert found.summary["untaught"]["model"] == "own-base"
    assert found.summary["untaught"]["roc_area_gain_95"][0] > 0
    assert len(found.after.different) // 2 >= 100
    reached = (found.after.different > found.summary["line"]).mean()
    assert reached == pytest.approx(0.01, abs=0.005)
    assert found.area.low > 0
    assert found.recall.after > found.recall.before
    assert 0 < found.descent.best_step <= 30
    layers = {name: part.numpy() for name, part in found.network.module.state_dict().items()}
    (tmp_path / "opened").mkdir()
    own.write_own(tmp_path / "opened" / "own-stripes.safetensors", model, layers, found.summary)
    monkeypatch.setenv("IMGSIM_WEIGHTS_DIR", str(tmp_path / "opened"))
    assert own.line_of("own-stripes") == found.summary["line"]
    opened = model_by_id("own-stripes")
    assert str(opened.about) == "Taught on this host's own pictures, from nothing."
    pictures = [groups.pictures[row] for row in (0, 1, 60)]
    vectors = encoder.encode(opened, pictures, opened.framing)
    task = task_of(groups, model, found.network)
    np.testing.assert_allclose(vectors, task._embedded(np.array([0, 1, 60])), atol=1e-4)


@pytest.mark.parametrize(
    ("fares", "says"),
    [
        ("perfect", "as it is tells groups that neither has seen apart better"),
        ("alike", "the difference to Visitors' network as it is lies within"),
        ("unknown", "without a usual model"),
    ],
)
def test_better_than_nothing_is_not_help(groups, monkeypatch, fares, says):
    """A network from nothing is worth it only where it beats the usual model as it is."""
    looks = iter(range(9))
    monkeypatch.setattr(siamese_task.SiameseTask, "quality", lambda self: float(next(looks)))
    model, recipe = new(1, every=1)
    rows = np.flatnonzero(np.isin(groups.labels, siamese_network.parts_of(groups).judged))
    one = task_of(groups, model, new_network(model)).judged_on(rows)

    def made(area):
        return dataclasses.replace(one, area=np.full(len(rows), area))

    looked = iter([made(0.2), made(0.6)])  # as it begins, and as it ends
    monkeypatch.setattr(siamese_task.SiameseTask, "judged_on", lambda self, rows: next(looked))
    fared = made(1.0 if fares == "perfect" else 0.6)
    monkeypatch.setattr(siamese_network, "untaught", lambda *_: fared)
    usual = None
    if fares != "unknown":
        usual = dataclasses.replace(model, label=Text("Visitors' network"))
    found = siamese_network.teach_network(groups, model, None, recipe, usual=usual)
    assert found.area.is_gain
    assert not found.helps
    assert not found.summary["helps"]
    assert says in str(found.verdict)
    assert ("untaught" in found.summary) == (usual is not None)


def test_too_few_groups_to_judge_by_are_said_with_how_many_to_bring(monkeypatch):
    groups = of_one_hue(14)
    looks = iter(range(9))
    monkeypatch.setattr(siamese_task.SiameseTask, "quality", lambda self: float(next(looks)))
    model, recipe = new(1, every=1)
    found = siamese_network.teach_network(groups, model, None, recipe)
    assert not found.helps
    assert str(found.verdict) == (
        "Of 14 groups 4 were kept out to judge by, too few to tell whether this helps with new "
        "ones: 5 are needed. Bring 15 or more groups of two or more pictures."
    )
    enough = siamese_network.parts_of(of_one_hue(finetune.FEWEST_TO_BRING))
    assert len(enough.judged) == FEWEST_TO_CLAIM
    # 6 pairs of groups of 4 × 4 pictures are 96: no 1 in 100 can be read off them
    assert len(found.after.different) // 2 == 96
    assert "line" not in found.summary


def task_of(groups, model, network):
    parts = siamese_network.parts_of(groups)
    return siamese_task.SiameseTask(
        groups,
        parts.learned,
        parts.watched,
        model,
        network,
        Loss.SUPERVISED_CONTRASTIVE,
        16,
        0,
        frozen=True,
    )


@pytest.mark.parametrize("loss", [Loss.SUPERVISED_CONTRASTIVE, Loss.TRIPLET])
def test_stopped_and_resumed_it_ends_as_if_never_stopped(few, tmp_path, loss):
    model, recipe = new(6, every=2, keep_every=2)
    whole = siamese_network.teach_network(few, model, None, recipe, loss=loss)
    path = tmp_path / "stripes.training"
    asked = iter(range(100))
    part = siamese_network.teach_network(
        few, model, None, recipe, loss=loss, checkpoint=path, stop=lambda: next(asked) == 3
    )
    assert part.descent.stopped
    assert part.descent.last_step == 3
    rest = siamese_network.teach_network(
        few, model, None, recipe, loss=loss, checkpoint=path, resume=True
    )
    assert rest.descent.curve[1:] == whole.descent.curve[1:]
    for name, values in whole.descent.best.items():
        np.testing.assert_array_equal(rest.descent.best[name], values, err_msg=name)
    assert rest.recall == whole.recall
    # Another set of pictures, or another loss, is another training
    with pytest.raises(WrongCheckpoint, match="batch differ"):
        siamese_network.teach_network(
            few, model, None, recipe, loss=loss, checkpoint=path, resume=True, batch=8
        )
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(data)
    with pytest.raises(WrongCheckpoint, match="damaged"):
        siamese_network.teach_network(
            few, model, None, recipe, loss=loss, checkpoint=path, resume=True
        )


def test_there_is_nothing_to_resume_where_nothing_was_stopped(few, tmp_path):
    model, recipe = new(2)
    with pytest.raises(WrongCheckpoint, match="is not there"):
        siamese_network.teach_network(
            few, model, None, recipe, checkpoint=tmp_path / "none", resume=True
        )


@pytest.mark.parametrize("kind", ["loss", "gradient", "look"])
def test_a_training_that_runs_away_ends_and_the_best_is_kept(few, monkeypatch, kind):
    model, recipe = new(40, every=2)
    usual, steps = siamese_task.SiameseTask.loss, []

    def breaks(self, step):
        steps.append(step)
        value = usual(self, step)
        if step < 8:
            return value
        if kind == "loss":
            return value * math.nan
        if kind == "gradient":
            return value + next(self.module.parameters()).pow(0.5).sum() * 0 * value
        for part in self.module.parameters():
            part.data.mul_(1e30)
        return value

    monkeypatch.setattr(siamese_task.SiameseTask, "loss", breaks)
    found = siamese_network.teach_network(few, model, None, recipe)
    assert found.descent.diverged
    assert steps[-1] in (8, 9, 10)
    assert found.summary["diverged"]
    for name, part in found.network.module.state_dict().items():
        if name in found.descent.best:
            np.testing.assert_array_equal(part.numpy(), found.descent.best[name])
        assert np.isfinite(part.numpy()).all()
    looks = [moment.quality for moment in found.descent.curve]
    best = [
        moment.quality for moment in found.descent.curve if moment.step == found.descent.best_step
    ]
    assert best == [max(looks)]


def test_training_ends_when_nothing_gets_better(few, monkeypatch):
    model, recipe = new(100, every=1, patience=3)
    monkeypatch.setattr(siamese_task.SiameseTask, "quality", lambda self: 0.5)
    found = siamese_network.teach_network(few, model, None, recipe)
    assert found.descent.last_step == 3
    assert found.descent.best_step == 0
    for name, values in found.descent.first.items():
        np.testing.assert_array_equal(found.descent.best[name], values)


def test_a_model_of_the_catalogue_is_moved_with_care(few, tmp_path, monkeypatch):
    """Statistics of its normalisations stay, locked layers stay, the others move a little."""
    base, layers = ignorant(tmp_path, monkeypatch)
    described = siamese_network.model_from("own-moved", base)
    assert described.taught_from == "own-base"
    recipe = siamese_network.recipe_for(False, steps=2, every=1)
    looks = iter(range(9))
    monkeypatch.setattr(siamese_task.SiameseTask, "quality", lambda self: float(next(looks)))
    found = siamese_network.teach_network(few, described, base, recipe, locked=0.5)
    assert found.descent.best_step == 2
    after = {name: part.numpy() for name, part in found.network.module.state_dict().items()}
    moved = [name for name in layers if not np.array_equal(layers[name], after[name])]
    assert moved
    assert not any("running" in name for name in moved)
    names = [name for name, _ in found.network.module.named_parameters()]
    assert all(names.index(name) >= len(names) // 2 for name in moved)
    assert max(np.abs(layers[name] - after[name]).max() for name in moved) < 1e-3


def test_in_half_precision_every_number_type_meets(few, monkeypatch):
    """The processor's bfloat16 stands in for a graphics processor's."""
    import torch

    monkeypatch.setattr(
        siamese_task,
        "half_precision",
        lambda device, studies: torch.autocast(device.type, torch.bfloat16, enabled=studies),
    )
    model, recipe = new(4, every=2)
    found = siamese_network.teach_network(few, model, None, recipe)
    assert found.descent.last_step == 4
    assert not found.descent.diverged


def test_groups_are_dealt_out_whole(groups):
    parts = siamese_network.parts_of(groups)
    all_of_them = np.concatenate((parts.learned, parts.watched, parts.judged))
    assert sorted(all_of_them.tolist()) == list(range(len(groups.names)))
    assert len(parts.judged) == len(parts.watched) == 8


def test_too_few_groups_are_refused():
    with pytest.raises(CannotTeach, match="at least 6 groups"):
        siamese_network.parts_of(of_one_hue(4))


@pytest.mark.parametrize("name", ["no_such_network", "hf-hub:timm/resnet18", "test_vit"])
def test_a_network_that_cannot_be_is_refused(name):
    with pytest.raises(CannotTeach, match="No network called"):
        siamese_network.new_model("own-x", name, 64)


def test_a_model_of_words_is_refused():
    with pytest.raises(CannotTeach, match="teach clip"):
        siamese_network.model_from("own-x", model_by_id("clip-b32"))


def test_the_rate_rises_then_fades():
    recipe = finetune.Recipe(steps=100, rate=1.0)
    rates = [recipe.rate_at(step) for step in range(1, 101)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[9] == 1.0
    assert rates[9:] == sorted(rates[9:], reverse=True)
    assert rates[-1] == pytest.approx(0, abs=1e-9)
    assert dataclasses.replace(recipe, steps=1).rate_at(1) == 1.0
