"""Duplicates in small galleries made of the built-in pictures and damaged copies of them."""

from __future__ import annotations

import io
import time
from dataclasses import replace

import cv2
import numpy as np
import pytest
from PIL import Image

from imgsim_core.distort import damage_by_id
from imgsim_core.gallery import duplicates
from imgsim_core.gallery.copies import (
    ALIKE,
    Level,
    close_look,
    outline_correlation,
    outlines,
    pair_score,
    turned,
)
from imgsim_core.gallery.duplicates import candidate_line, find_duplicates, says_little
from imgsim_core.gallery.entry import Row
from imgsim_core.gallery.facts import facts
from imgsim_core.gallery.gallery import Gallery
from imgsim_core.gallery.shelf import Shelf
from imgsim_core.gallery.store import GalleryInfo, open_store
from imgsim_core.memory import Memory
from imgsim_core.samples import open_sample
from tests.gallery.rows import entry
from tests.pictures import picture_of

SAMPLES = ("cat", "coffee", "astronaut", "rocket", "coins")
EDITS = {"jpeg": 30, "crop": 30, "mirror": 1, "turn": 10, "brightness": 30}
SIDE = 240


def sample(name):
    rgb = open_sample(name).rgb
    scale = SIDE / max(rgb.shape[:2])
    size = round(rgb.shape[1] * scale), round(rgb.shape[0] * scale)
    return cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)


def png(rgb):
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(rgb)).save(stream, "PNG")
    return stream.getvalue()


def vector_of(rgb):
    """A stand-in for a model: colours in a coarse grid, the mean taken out."""
    coarse = cv2.resize(rgb, (6, 6), interpolation=cv2.INTER_AREA).astype(np.float32).ravel()
    coarse += 0.01 * np.arange(len(coarse)) - coarse.mean()
    return coarse / np.linalg.norm(coarse)


def made(folder, files):
    """Make a gallery of pictures by name; equal pictures are one entry with several names."""
    gallery = Gallery(
        open_store(str(folder / "store")),
        Shelf(str(folder / "pictures")),
        GalleryInfo(name="g", model="none", encoder="none", dimension=108, created=time.time()),
    )
    gallery.store.create(gallery.info)
    rows = {}
    for name, rgb in files.items():
        data = png(rgb)
        found, picture = facts(data, name)
        if found.digest in rows:
            known = rows[found.digest]
            rows[found.digest] = Row(known.entry.also_at(name, ""), known.vector)
            continue
        rows[found.digest] = Row(found, vector_of(picture.rgb))
        gallery.shelf.put_thumbnail(found.digest, picture.rgb)
        gallery.shelf.put_original(found.digest, data)
    gallery.store.add("g", list(rows.values()))
    return gallery


def edited():
    files = {}
    for name in SAMPLES:
        rgb = sample(name)
        files[f"{name}.png"] = rgb
        for edit in ("jpeg", "mirror") if name != "cat" else EDITS:
            damage = damage_by_id(edit)
            files[f"{name}-{edit}.png"] = damage(rgb, min(EDITS[edit], damage.high))
    files["again/cat.png"] = sample("cat")
    files["blank.png"] = np.full((100, 120, 3), 255, np.uint8)
    files["blank-grey.png"] = np.full((100, 120, 3), 200, np.uint8)
    return files


@pytest.fixture(scope="module")
def gallery(tmp_path_factory):
    return made(tmp_path_factory.mktemp("gallery"), edited())


@pytest.fixture(scope="module")
def memory():
    return Memory(50_000_000)


@pytest.fixture(scope="module")
def report(gallery, memory):
    return find_duplicates(gallery, Level.COPY, memory)


def named(report, groups=None):
    groups = report.groups if groups is None else groups
    return sorted(sorted(report.entries[one].name for one in group.members) for group in groups)


def test_every_family_is_one_group_and_nobody_else_is_in_it(report):
    families = {name: [] for name in SAMPLES}
    for name in edited():
        if name.partition(".")[0].partition("-")[0] in families:
            families[name.partition(".")[0].partition("-")[0]].append(name)
    assert named(report) == sorted(map(sorted, families.values()))


def test_the_funnel_adds_up(report):
    counts = report.counts
    assert (counts.files, counts.pictures, counts.blank) == (len(edited()), len(edited()) - 1, 2)
    assert counts.pairs == counts.pictures * (counts.pictures - 1) // 2
    candidates = counts.by_hash + counts.by_vector
    told = counts.settled + counts.dropped + counts.implied + counts.looked + counts.unopened
    assert told + counts.left == candidates
    assert counts.copies == len(report.links)
    assert not report.stopped
    assert any("nearly empty" in str(note) for note in report.notes)


def test_every_link_says_why_with_numbers_on_their_scales(report):
    for link in report.links:
        assert link.because
        assert 0.3 < link.strength <= 1
        assert 0 <= link.bits <= 64
        assert -1.01 <= link.cosine <= 1.01
        assert 0 < link.share_a <= 1
        assert f"{link.bits} of 64 bits" in str(link.because[-1])


def test_a_cut_copy_shows_less_than_the_whole(report):
    digest = {entry.name: one for one, entry in report.entries.items()}
    shares = [
        (link.share_a, link.share_b)
        if link.a == digest["cat.png"]
        else (link.share_b, link.share_a)
        for link in report.links
        if link.pair == {digest["cat.png"], digest["cat-crop.png"]}
    ]
    ((whole, cut),) = shares
    assert whole < 0.8 < cut


def test_same_files_are_a_level_of_their_own(gallery):
    report = find_duplicates(gallery, Level.FILE)
    (group,) = report.groups
    assert set(report.entries[group.centre].names) == {"cat.png", "again/cat.png"}
    assert report.links == ()


def test_a_second_search_looks_at_nothing_again(gallery, report, memory, monkeypatch):
    monkeypatch.setattr(
        duplicates, "close_look", lambda *pair: pytest.fail("it was looked at before")
    )
    assert find_duplicates(gallery, Level.COPY, memory).groups == report.groups


def test_pairs_told_apart_are_neither_linked_nor_grouped(gallery, report, memory):
    group = next(one for one in report.groups if len(one.members) > 3)
    apart = group.split()
    again = find_duplicates(gallery, Level.COPY, memory, not_duplicates=apart)
    assert not {link.pair for link in again.links} & apart
    for one in (*again.groups, *report.regrouped(apart)):
        assert not any(pair <= set(one.members) for pair in apart)


def test_a_bound_is_kept_and_said(gallery):
    report = find_duplicates(gallery, Level.COPY, most_close_looks=0)
    assert report.counts.looked == 0
    assert report.counts.left > 0
    assert any("bounded" in str(note) for note in report.notes)
    assert named(report)  # what the outlines settle is there all the same


def test_stopped_at_once_it_returns_nothing_and_says_so(gallery):
    report = find_duplicates(gallery, Level.COPY, stop=lambda: True)
    assert report.stopped
    assert report.groups == ()
    assert "Stopped" in str(report.notes[-1])


def test_progress_only_grows(gallery, memory):
    shares = {}
    find_duplicates(
        gallery,
        Level.COPY,
        memory,
        told=lambda stage, share: shares.setdefault(stage, []).append(share),
    )
    assert set(shares) == set(duplicates.STAGES)
    for told in shares.values():
        assert told == sorted(told)
        assert told[-1] == pytest.approx(1)


def test_pictures_that_are_gone_are_counted_and_the_rest_goes_on(tmp_path):
    gallery = made(
        tmp_path, {name: rgb for name, rgb in edited().items() if name[:3] in ("cat", "coi")}
    )
    lost = next(one for one in gallery.snapshot().entries if one.name == "cat-crop.png")
    gallery.shelf.remove(lost.digest)
    report = find_duplicates(gallery, Level.COPY)
    assert report.counts.unopened > 0
    assert any("cannot be opened" in str(note) for note in report.notes)
    assert ["coins-jpeg.png", "coins-mirror.png", "coins.png"] in named(report)


@pytest.mark.parametrize("count", [0, 1])
def test_galleries_of_nothing_and_of_one_picture(tmp_path, count):
    gallery = made(tmp_path, {"cat.png": sample("cat")} if count else {})
    for level in Level:
        assert find_duplicates(gallery, level).groups == ()


def test_fifty_black_frames_are_left_out(tmp_path):
    black = np.zeros((60, 80, 3), np.uint8)
    files = {f"black-{i}.png": replace_corner(black, i) for i in range(50)}
    report = find_duplicates(made(tmp_path, files), Level.COPY)
    assert report.groups == ()
    assert report.counts.blank == 50
    assert report.counts.by_hash == report.counts.looked == 0


def replace_corner(rgb, level):
    changed = rgb.copy()
    changed[0, 0] = level // 10
    changed[0, 1] = level % 10
    return changed


# ── The tests of a pair ────────────────────────────────────────────────────────────


@pytest.mark.parametrize("turn", range(8))
def test_the_turn_is_found(turn):
    rgb = sample("astronaut")
    upright = outlines(rgb)
    other = outlines(np.ascontiguousarray(_unturned(rgb, turn)))
    correlation, found = outline_correlation(upright, other)
    assert (correlation > 0.99, found) == (True, turn)
    assert np.allclose(turned(other, turn), upright, atol=0.02)


def _unturned(rgb, turn):
    back = np.rot90(rgb, -(turn % 4))
    return back[:, ::-1] if turn >= 4 else back


def test_strangers_do_not_correlate_and_blank_pictures_with_nothing():
    one, other = outlines(sample("cat")), outlines(sample("rocket"))
    assert outline_correlation(one, other)[0] < 0.5 < ALIKE
    blank = outlines(np.full((50, 60, 3), 128, np.uint8))
    assert outline_correlation(blank, blank)[0] == 0


def test_a_score_ranks_copies_over_strangers():
    memory = Memory(100_000_000)
    cat, coffee = picture_of(sample("cat")), picture_of(sample("coffee"))
    cut = picture_of(damage_by_id("crop")(sample("cat"), 30))
    assert pair_score(cat, cut, memory) > 2 / 3 > 1 / 3 > pair_score(cat, coffee, memory)
    assert close_look(cat, coffee, memory) is None


def test_what_says_little():
    even = np.full(8, 0xF0F0F0F0F0F0F0F0, np.uint64)
    plain = entry(hashes=even, sharpness=100.0)
    assert not says_little(plain)
    assert says_little(replace(plain, sharpness=0.1))
    assert says_little(replace(plain, hashes=np.zeros(8, np.uint64)))


def test_the_line_for_vectors_follows_the_gallery():
    numbers = np.random.default_rng(0)
    for shift in (0.0, 1.0):
        vectors = (numbers.normal(size=(500, 16)) + shift).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        copy, shot = (
            candidate_line(vectors, np.arange(len(vectors)), level)
            for level in (Level.COPY, Level.SHOT)
        )
        cosines = (vectors @ vectors.T)[np.triu_indices(500, 1)]
        assert np.median(cosines) < shot <= copy <= 0.9
    assert candidate_line(vectors, np.arange(20), Level.COPY) == -1
