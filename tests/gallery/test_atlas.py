"""What the atlas of a gallery promises."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.manifold import trustworthiness
from sklearn.neighbors import NearestNeighbors

from imgsim_core.gallery import atlas
from imgsim_core.gallery.atlas import Atlas, Parameters, Stage, begin, draw
from imgsim_core.gallery.clusters import ALONE, by_size, loneliness_line, representatives
from imgsim_core.gallery.gallery import Gallery, Snapshot
from imgsim_core.gallery.lance import LanceStore
from imgsim_core.gallery.layout import fitted, principal_positions, spiral, spread_out
from imgsim_core.gallery.neighbours import nearest
from imgsim_core.gallery.shelf import Shelf
from tests.gallery.rows import clustered, entry, info, row, rows

DIMENSION = 32
CROWDS = 5


def snapshot(vectors: NDArray[np.float32]) -> Snapshot:
    entries = tuple(entry(f"{place:05}.jpg") for place in range(len(vectors)))
    return Snapshot(entries, np.asarray(vectors, np.float32), "1")


def unit(vectors: NDArray[np.float64]) -> NDArray[np.float32]:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def crowds(each: int = 40, spread: float = 0.3, seed: int = 0) -> NDArray[np.float32]:
    """Crowds of equal size round corners at right angles to each other."""
    numbers = np.random.default_rng(seed)
    centres = np.repeat(np.eye(CROWDS, DIMENSION), each, axis=0)
    noise = numbers.normal(size=centres.shape) * spread / np.sqrt(DIMENSION)
    return unit(centres + noise)


@pytest.fixture(scope="module")
def crowded() -> Atlas:
    return draw(snapshot(crowds()))


@pytest.fixture(scope="module")
def sampled() -> tuple[NDArray[np.float32], Atlas]:
    """A gallery of which only a part is laid out by UMAP."""
    vectors = crowds(each=120)
    return vectors, draw(snapshot(vectors), Parameters(drawn=200))


# ── Every picture has a place ──────────────────────────────────────────────────────


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 9, 10, 11, 40])
@pytest.mark.parametrize("alike", [False, True], ids=["different", "identical"])
def test_every_picture_of_any_gallery_is_placed(count, alike):
    vectors = clustered(max(count, 1), DIMENSION)[:count]
    if alike:
        vectors = np.repeat(vectors[:1], count, axis=0)
    made = draw(snapshot(vectors))
    assert made.positions.shape == (count, 2)
    assert np.isfinite(made.positions).all()
    assert (np.abs(made.positions) <= 1 + 1e-5).all()
    assert len(made.labels) == len(made.measured) == count
    if count > 1:
        assert len(np.unique(made.positions, axis=0)) == count  # none hides another


def test_identical_pictures_have_no_outlier_and_the_highest_cosine():
    made = draw(snapshot(np.repeat(clustered(1, DIMENSION), 30, axis=0)))
    assert made.outliers == ()
    np.testing.assert_allclose(made.nearest_cosines, 1, atol=1e-6)


def test_a_lone_picture_has_no_neighbour():
    made = draw(snapshot(clustered(1, DIMENSION)))
    assert len(made.nearest_cosines) == 0
    assert made.quality is None


# ── The same map each time ─────────────────────────────────────────────────────────


def test_a_map_is_the_same_each_time(crowded):
    again = draw(snapshot(crowds()))
    np.testing.assert_array_equal(again.positions, crowded.positions)
    np.testing.assert_array_equal(again.labels, crowded.labels)
    assert again.outliers == crowded.outliers
    assert again.quality == crowded.quality


def test_a_sampled_map_is_the_same_each_time(sampled):
    vectors, made = sampled
    again = draw(snapshot(vectors), made.parameters)
    np.testing.assert_array_equal(again.positions, made.positions)


def test_another_seed_draws_another_map(crowded):
    other = draw(snapshot(crowds()), Parameters(seed=1))
    assert not np.array_equal(other.positions, crowded.positions)


# ── What lies where ────────────────────────────────────────────────────────────────


def test_crowds_are_found_as_clusters_and_nothing_else(crowded):
    truth = np.repeat(np.arange(CROWDS), 40)
    assert len(crowded.clusters) == CROWDS
    for cluster in crowded.clusters:
        assert len(set(truth[cluster.rows])) == 1
    assert (crowded.labels != ALONE).mean() > 0.95


def with_copies(count: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Vectors, the last of them near copies of the rows returned."""
    vectors = clustered(count, DIMENSION, clusters=12)
    copied = np.arange(0, count, 10)
    noise = np.random.default_rng(3).normal(size=(len(copied), DIMENSION))
    return np.concatenate([vectors, unit(vectors[copied] + 0.002 * noise)]), copied


def test_near_duplicates_lie_close_on_the_map():
    vectors, copied = with_copies(600)
    made = draw(snapshot(vectors))
    apart = np.linalg.norm(made.positions[copied] - made.positions[600:], axis=1)
    pairs = made.positions[np.random.default_rng(0).integers(0, 660, (2000, 2))]
    usual = np.median(np.linalg.norm(pairs[:, 0] - pairs[:, 1], axis=1))
    assert made.room == 0
    assert np.median(apart) < usual / 20
    assert (apart < usual / 4).mean() > 0.9


def test_near_duplicates_in_a_small_gallery_lie_side_by_side():
    vectors, copied = with_copies(100)
    made = draw(snapshot(vectors))
    apart = np.abs(made.positions[copied] - made.positions[100:]).max(axis=1)
    assert made.room > 0
    assert np.median(apart) < 2 * made.room


@pytest.mark.parametrize("count", [2, 3, 20, 300])
def test_pictures_of_a_small_gallery_hardly_cover_each_other(count):
    numbers = np.random.default_rng(0)
    crowd = fitted((numbers.normal(size=(count, 2)) ** 3).astype(np.float32))
    placed, side = spread_out(crowd)
    gaps = np.abs(placed[:, None] - placed[None]).max(axis=2) + 9 * np.eye(count)
    assert side > 0
    assert (gaps.min(axis=1) > 0.8 * side).mean() > 0.95
    assert (np.abs(placed) <= 1 + 1e-5).all()


def test_pictures_in_one_place_are_parted():
    placed, side = spread_out(np.zeros((5, 2), np.float32))
    assert len(np.unique(placed, axis=0)) == 5
    assert side > 0


def test_pictures_outside_the_sample_are_placed_in_their_crowd(sampled):
    vectors, made = sampled
    assert made.drawn == 200
    assert len(made) == len(vectors) == CROWDS * 120
    truth = np.repeat(np.arange(CROWDS), 120)
    middles = np.array([np.median(made.positions[truth == one], axis=0) for one in range(CROWDS)])
    nearest_middle = np.linalg.norm(made.positions[:, None] - middles, axis=2).argmin(axis=1)
    assert (nearest_middle == truth).mean() > 0.98
    assert len(made.clusters) == CROWDS
    assert all(len(set(truth[cluster.rows])) == 1 for cluster in made.clusters)


def test_planted_outliers_are_found_and_nothing_else():
    # At right angles to all crowds and to each other
    alone = np.eye(DIMENSION, dtype=np.float32)[CROWDS : CROWDS + 3]
    vectors = np.concatenate([crowds(), alone])
    made = draw(snapshot(vectors))
    assert {one.row for one in made.outliers} == {200, 201, 202}
    for one in made.outliers:
        assert one.nearest != one.row
        assert one.cosine == pytest.approx(vectors[one.row] @ vectors[one.nearest], abs=1e-5)
        assert one.cosine < one.usual
        assert f"{one.cosine:.2f}" in str(one.reason)


def test_planted_outliers_are_found_in_a_gallery_that_is_measured_in_part(monkeypatch):
    monkeypatch.setattr(atlas, "_MEASURE_ALL_UP_TO", 300)
    monkeypatch.setattr(atlas, "_MEASURED", 150)
    alone = np.eye(DIMENSION, dtype=np.float32)[CROWDS : CROWDS + 3]
    vectors = np.concatenate([crowds(each=120), alone])
    made = draw(snapshot(vectors), Parameters(drawn=200))
    assert made.is_sampled
    assert len(made.measured) == len(made.nearest_cosines) == 150
    assert {one.row for one in made.outliers} == {600, 601, 602}


@pytest.mark.parametrize("count", [2, 5, 12, 100])
def test_medoids_are_members_and_the_members_most_like_all(count):
    vectors = clustered(count, DIMENSION, clusters=1)
    members = np.arange(0, count, 2)
    chosen = representatives(vectors, members)
    assert set(chosen) <= set(members.tolist())
    assert len(set(chosen)) == len(chosen) == min(4, len(members))
    pairs = vectors[members] @ vectors[members].T
    assert chosen[0] == members[pairs.mean(axis=1).argmax()]


def test_every_representative_belongs_to_its_cluster(crowded):
    for label, cluster in enumerate(crowded.clusters):
        assert set(cluster.representatives) <= set(cluster.rows.tolist())
        assert (crowded.labels[list(cluster.representatives)] == label).all()
    sizes = [len(cluster) for cluster in crowded.clusters]
    assert sizes == sorted(sizes, reverse=True)


def test_clusters_are_numbered_by_size():
    labels = by_size(np.array([2, 0, 0, 0, -1, 1, 1, 2, 2, 2]))
    assert labels.tolist() == [0, 1, 1, 1, ALONE, 2, 2, 0, 0, 0]


def test_the_line_of_loneliness_needs_a_clear_gap():
    assert loneliness_line(np.full(4, 0.5, np.float32)) == -1
    alike = np.full(50, 0.9, np.float32)
    assert 0.85 < loneliness_line(alike) < 0.89  # rounding errors are no outliers
    spread = np.linspace(0.4, 0.6, 101, dtype=np.float32)
    # Tukey's fence by hand: quartiles 0.45 and 0.55
    assert loneliness_line(spread) == pytest.approx(0.45 - 1.5 * 0.1, abs=1e-6)


# ── Neighbours ─────────────────────────────────────────────────────────────────────


def test_neighbours_are_those_of_scikit_learn():
    vectors = clustered(300, DIMENSION)
    ours = nearest(vectors, vectors, 5, own=np.arange(300))
    reference = NearestNeighbors(n_neighbors=6, metric="cosine").fit(vectors)
    distances, found = reference.kneighbors(vectors)
    np.testing.assert_array_equal(ours.rows, found[:, 1:])
    np.testing.assert_allclose(ours.cosines, 1 - distances[:, 1:], atol=1e-5)


def test_blocks_change_nothing(monkeypatch):
    vectors = clustered(100, DIMENSION)
    whole = nearest(vectors, vectors, 3, own=np.arange(100))
    monkeypatch.setattr("imgsim_core.gallery.neighbours._BLOCK_BYTES", 4 * 100 * 7)
    blocks = nearest(vectors, vectors, 3, own=np.arange(100))
    np.testing.assert_array_equal(blocks.rows, whole.rows)


def test_a_picture_is_no_neighbour_of_itself_but_a_twin_is():
    vectors = np.repeat(clustered(2, DIMENSION), 2, axis=0)
    found = nearest(vectors, vectors, 1, own=np.arange(4))
    assert found.rows[:, 0].tolist() == [1, 0, 3, 2]


def test_there_are_no_more_neighbours_than_pictures():
    vectors = clustered(3, DIMENSION)
    assert nearest(vectors, vectors, 9, own=np.arange(3)).rows.shape == (3, 2)
    assert nearest(vectors, vectors, 9).rows.shape == (3, 3)


def test_neighbours_without_some_are_those_among_the_others():
    vectors = clustered(60, DIMENSION)
    left_out = np.array([3, 10, 59])
    kept = np.setdiff1d(np.arange(60), left_out)
    found = nearest(vectors[kept], vectors, 90, kept, left_out)
    reference = nearest(vectors[kept], vectors[kept], 90, np.arange(57))
    np.testing.assert_array_equal(found.rows, kept[reference.rows])
    np.testing.assert_allclose(found.cosines, reference.cosines, atol=1e-6)


# ── How far it can be trusted ──────────────────────────────────────────────────────


def test_the_quality_is_that_of_scikit_learn(crowded):
    expected = trustworthiness(crowds(), crowded.positions, n_neighbors=10, metric="cosine")
    assert crowded.quality.of == 10
    assert crowded.quality.judged == CROWDS * 40
    assert crowded.quality.trustworthiness == pytest.approx(expected, abs=1e-3)
    assert crowded.quality.trustworthiness > 0.8
    assert 0 < crowded.quality.kept <= 10


# ── Flat shapes ────────────────────────────────────────────────────────────────────


def test_principal_positions_keep_the_distances_of_a_flat_cloud():
    numbers = np.random.default_rng(1)
    flat = numbers.normal(size=(8, 2)) @ np.linalg.qr(numbers.normal(size=(DIMENSION, 2)))[0].T
    placed = principal_positions(flat.astype(np.float32))
    expected = np.linalg.norm(flat[:, None] - flat[None], axis=2)
    np.testing.assert_allclose(
        np.linalg.norm(placed[:, None] - placed[None], axis=2), expected, atol=1e-5
    )
    spread = placed.std(axis=0)
    assert spread[0] >= spread[1]


def test_a_map_fills_the_square_and_is_wider_than_high():
    tall = np.random.default_rng(0).normal(size=(200, 2)).astype(np.float32) * [1, 5]
    placed = fitted(tall.astype(np.float32))
    extent = np.ptp(placed, axis=0)
    assert extent[0] == pytest.approx(2, abs=1e-5)
    assert extent[1] < extent[0]


def test_a_spiral_puts_no_two_points_together():
    points = spiral(50)
    apart = np.linalg.norm(points[:, None] - points[None], axis=2) + 9 * np.eye(50)
    assert apart.min() > 0.5


def test_an_outline_takes_in_what_lies_inside(crowded):
    square = np.array([[-2.0, -2.0], [2, -2], [2, 2], [-2, 2]])
    assert crowded.inside(square).tolist() == list(range(len(crowded)))
    right = np.array([[0.0, -2.0], [2, -2], [2, 2], [0, 2]])
    assert crowded.inside(right).tolist() == np.flatnonzero(crowded.positions[:, 0] > 0).tolist()
    nothing = np.array([[3.0, 3.0], [4, 3], [4, 4]])
    assert not len(crowded.inside(nothing))


# ── Made once ──────────────────────────────────────────────────────────────────────


@pytest.fixture
def gallery(tmp_path: Path) -> Gallery:
    store = LanceStore(str(tmp_path / "store"))
    store.create(info())
    store.add("holiday", rows(40))
    return Gallery(store, Shelf(str(tmp_path / "pictures")), info())


def test_a_map_is_drawn_once_for_all_who_ask(gallery, monkeypatch):
    drawn = []

    def counted(*arguments):
        drawn.append(threading.current_thread().name)
        return draw(*arguments)

    monkeypatch.setattr(atlas, "draw", counted)
    maps = [begin(gallery, gallery.snapshot()).atlas() for _ in range(3)]
    assert maps[0] is maps[1] is maps[2]
    assert len(drawn) == 1
    gallery.store.add("holiday", [row("one more.jpg")])
    later = begin(gallery, gallery.snapshot()).atlas()
    assert len(later) == 41
    assert len(drawn) == 2
    begin(gallery, gallery.snapshot(), Parameters(seed=5)).atlas()
    assert len(drawn) == 3


def test_a_map_that_failed_is_tried_again(gallery, monkeypatch):
    def broken(*arguments):
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(atlas, "draw", broken)
        with pytest.raises(MemoryError):
            begin(gallery, gallery.snapshot()).atlas()
    assert len(begin(gallery, gallery.snapshot()).atlas()) == 40


def test_the_stages_are_told_in_order():
    told: list[Stage] = []
    draw(snapshot(clustered(12, DIMENSION)), told=told.append)
    assert told == [Stage.NEIGHBOURS, Stage.LAYOUT, Stage.CLUSTERS, Stage.QUALITY]
    shares = [stage.share for stage in Stage]
    assert shares == sorted(shares)
