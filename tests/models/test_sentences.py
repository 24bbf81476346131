"""The sentence encoder, and the class names kept on disk."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from imgsim_core.errors import WeightsMissing
from imgsim_core.models import sentences


def test_sentences_of_one_meaning_lie_close():
    vectors = sentences.sentence_vectors(
        ["a cat sits on the sofa", "a kitten on a couch", "quarterly tax report"]
    )
    assert vectors.shape == (3, sentences.DIMENSION)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    likeness = vectors @ vectors.T
    assert likeness[0, 1] > 0.6 > 0.3 > likeness[0, 2]


def test_a_sentence_means_the_same_in_any_company():
    alone = sentences.sentence_vectors(["harmonica"])
    together = sentences.sentence_vectors(["harmonica", "a much longer sentence than that " * 5])
    assert together[0] == pytest.approx(alone[0], abs=1e-5)


def test_no_sentences_give_no_vectors():
    assert sentences.sentence_vectors([]).shape == (0, sentences.DIMENSION)


def test_class_names_are_imagenets():
    names = sentences.class_names()
    assert len(names) == 1000
    assert (names[0], names[281], names[999]) == ("tench", "tabby", "toilet tissue")


@pytest.fixture
def made(tmp_path, monkeypatch):
    """How often names are embedded, in a home of its own."""
    counts = []

    def few(names):
        counts.append(len(names))
        vectors = np.random.default_rng(0).normal(size=(len(names), sentences.DIMENSION))
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(sentences, "sentence_vectors", few)
    sentences.class_vectors.cache_clear()
    yield counts
    sentences.class_vectors.cache_clear()


def kept_file(tmp_path):
    (file,) = (tmp_path / "imgsim").iterdir()
    return file


def test_class_vectors_are_kept_for_the_next_process(made, tmp_path):
    first = sentences.class_vectors()
    assert not first.flags.writeable
    sentences.class_vectors.cache_clear()
    assert np.array_equal(sentences.class_vectors(), first)
    assert made == [1000]
    assert kept_file(tmp_path).suffix == ".npy"


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY cut short", b"not an array at all"])
def test_a_damaged_file_is_made_anew(made, tmp_path, content):
    first = sentences.class_vectors()
    kept_file(tmp_path).write_bytes(content)
    sentences.class_vectors.cache_clear()
    assert np.array_equal(sentences.class_vectors(), first)
    assert made == [1000, 1000]
    assert len(kept_file(tmp_path).read_bytes()) > 1_000_000


def test_a_file_of_another_shape_is_made_anew(made, tmp_path):
    sentences.class_vectors()
    with kept_file(tmp_path).open("wb") as file:
        np.save(file, np.ones((10, 384), np.float32))
    sentences.class_vectors.cache_clear()
    assert sentences.class_vectors().shape == (1000, 384)
    assert made == [1000, 1000]


def test_a_home_that_cannot_be_written_is_no_trouble(made, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert sentences.class_vectors().shape == (1000, 384)


def test_a_full_disk_keeps_no_half_file(made, tmp_path, monkeypatch):
    def half(file, _):
        file.write(b"\x93NUMPY")
        raise OSError("no space left on device")

    monkeypatch.setattr(sentences.np, "save", half)
    assert sentences.class_vectors().shape == (1000, 384)
    assert not list((tmp_path / "imgsim").iterdir())


def test_a_missing_package_is_a_sentence(monkeypatch):
    monkeypatch.setattr(sentences, "_PACKAGES", ("no_such_package",))
    monkeypatch.setattr(sentences, "_encoder", None)
    with pytest.raises(WeightsMissing, match="no_such_package"):
        sentences.sentence_vectors(["a"])


def test_nothing_is_loaded_before_somebody_asks():
    program = "import sys, imgsim_core.models.words; print('sentence_transformers' in sys.modules)"
    output = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert output.stdout.strip() == "False"
