"""Catalogues: which file belongs to which product, and what is said of the rest."""

from __future__ import annotations

import io
import threading
import zipfile

import numpy as np
import pytest
from PIL import Image

from imgsim_core.applications.products import catalogue as catalogue_module
from imgsim_core.applications.products.catalogue import SIDE, catalogue_from
from imgsim_core.applications.products.looks import Look, plain_ground, tight
from imgsim_core.applications.products.sources import from_paths, from_uploads
from imgsim_core.errors import CatalogueError, NoRoom
from imgsim_core.models.catalogue import model_by_id
from imgsim_core.text import Text
from tests.pictures import noise, picture_of

MODEL = model_by_id("efficientnet-lite2")


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    """Which file goes where does not depend on what a network sees in it."""
    one = np.ones(3, np.float32)
    monkeypatch.setattr(catalogue_module, "network", lambda model: None)
    monkeypatch.setattr(catalogue_module, "compute_alone", lambda lane: None)  # it opens torch
    monkeypatch.setattr(
        catalogue_module, "look_of_product", lambda model, picture: Look(one, one, one, one, one)
    )


def jpeg(seed: int = 0, size: tuple[int, int] = (40, 30)) -> bytes:
    level = np.random.default_rng(seed).integers(0, 256, 3, dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(np.broadcast_to(level, (*size, 3)).copy()).save(stream, "JPEG")
    return stream.getvalue()


def zipped(*files: tuple[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in files:
            archive.writestr(name, data)
    return stream.getvalue()


def read(*uploads: tuple[str, bytes], **keywords):
    return catalogue_from("shop", from_uploads(uploads), MODEL, **keywords)


def said(catalogue) -> str:
    return "\n".join(str(problem) for problem in catalogue.problems)


def test_a_zip_that_holds_table_and_pictures_is_enough():
    table = b"sku,title,picture,price\n1,Tea,shop/images/Tea.JPG,3\n2,Milk,milk.jpg,1\n"
    data = zipped(
        ("shop/list.csv", table),
        ("shop/images/tea.jpg", jpeg(1)),
        ("shop/images/milk.jpg", jpeg(2)),
        ("shop/images/unused.jpg", jpeg(3)),
    )
    catalogue = read(("shop.zip", data))
    assert [(one.sku, one.title) for one in catalogue.products] == [("1", "Tea"), ("2", "Milk")]
    assert catalogue.products[0].more == (("price", "3"),)
    assert [picture.product for picture in catalogue.pictures] == [0, 1]
    assert catalogue.problems == ()


def test_a_table_and_loose_files_in_any_order():
    table = b"sku,title,picture\n1,Tea,tea.jpg\n2,Milk,milk.jpg\n"
    catalogue = read(("milk.jpg", jpeg(2)), ("list.csv", table), ("tea.jpg", jpeg(1)))
    assert [picture.name for picture in catalogue.pictures] == ["tea.jpg", "milk.jpg"]


def test_a_product_may_have_several_pictures_in_a_cell_or_in_several_rows():
    table = b"sku,title,picture\n1,Tea,a.jpg;b.jpg\n2,Milk,m.jpg\n1,Tea,c.jpg\n"
    files = [(f"{name}.jpg", jpeg(place)) for place, name in enumerate("abcm")]
    catalogue = read(("list.csv", table), *files)
    assert [one.name for one in catalogue.pictures_of(0)] == ["a.jpg", "b.jpg", "c.jpg"]
    assert len(catalogue) == 2
    assert catalogue.problems == ()


def test_two_products_may_share_a_picture():
    table = b"sku,title,picture\n1,Tea,a.jpg\n2,Tea tin,a.jpg\n"
    catalogue = read(("list.csv", table), ("a.jpg", jpeg()))
    assert [picture.product for picture in catalogue.pictures] == [0, 1]


def test_bad_rows_are_said_by_name_and_the_rest_goes_on():
    table = (
        b"sku,title,picture\n1,Tea,tea.jpg\n2,Milk,\n1,Other,other.jpg\n"
        b"1,Tea,tea.jpg\n3,Soap,gone.jpg\n4,Broken,broken.jpg\n"
    )
    catalogue = read(
        ("list.csv", table), ("tea.jpg", jpeg()), ("broken.jpg", b"\xff\xd8\xff\xe0 not a picture")
    )
    assert [one.sku for one in catalogue.products] == ["1"]
    told = said(catalogue)
    for words in (
        "Line 3: 2 names no picture",
        "Line 4: the SKU 1 is that of line 2",
        "Line 5: the SKU 1 with the picture tea.jpg stands twice",
        "3: the picture gone.jpg is not among the files",
        "broken.jpg",
    ):
        assert words in told
    assert len(catalogue.problems) == 5


def test_the_same_last_name_in_two_folders_is_told_apart():
    table = b"sku,picture\n1,red/mug.jpg\n2,blue/mug.jpg\n"
    data = zipped(("blue/mug.jpg", jpeg(2)), ("red/mug.jpg", jpeg(1)))
    catalogue = read(("list.csv", table), ("p.zip", data))
    assert [picture.name for picture in catalogue.pictures] == ["red/mug.jpg", "blue/mug.jpg"]


def test_without_a_table_every_picture_is_a_product():
    catalogue = read(("a/tea.jpg", jpeg(1)), ("milk.png", jpeg(2)))
    assert [one.sku for one in catalogue.products] == ["tea", "milk"]


def test_names_that_climb_out_of_an_archive_are_names_only(tmp_path):
    table = b"sku,picture\n1,../../etc/passwd\n2,ok.jpg\n"
    catalogue = read(
        ("list.csv", table), ("p.zip", zipped(("../../x.jpg", jpeg()), ("ok.jpg", jpeg())))
    )
    assert [one.sku for one in catalogue.products] == ["2"]
    assert "passwd is not among the files" in said(catalogue)


def test_a_second_table_is_left_out_by_name():
    first, second = b"sku,picture\n1,a.jpg\n", b"sku,picture\n2,b.jpg\n"
    catalogue = read(("one.csv", first), ("two.csv", second), ("a.jpg", jpeg()), ("b.jpg", jpeg(1)))
    assert [one.sku for one in catalogue.products] == ["1"]
    assert "two.csv was left out" in said(catalogue)


def test_what_holds_no_product_at_all_says_why():
    with pytest.raises(CatalogueError, match=r"First of 1 problems: 1: the picture a\.jpg is not"):
        read(("list.csv", b"sku,picture\n1,a.jpg\n"))


def test_only_small_copies_are_kept():
    catalogue = read(("a.jpg", jpeg(0, (1500, 2000))))
    picture = catalogue.pictures[0].opened()
    assert (picture.width, picture.height) == (SIDE, SIDE * 3 // 4)
    assert len(catalogue.pictures[0].small) < 20_000


def test_stopping_keeps_what_is_done():
    stop = threading.Event()
    uploads = [(f"{place}.jpg", jpeg(place)) for place in range(60)]

    def told(done: int, total: int) -> None:
        if done >= 5:
            stop.set()

    catalogue = read(*uploads, told=told, stop=stop)
    assert catalogue.stopped
    assert 5 <= len(catalogue) < 60


def test_where_the_room_ends_the_catalogue_ends_and_says_so():
    sizes: list[int] = []

    def hold(size):
        if len(sizes) == 3:
            raise NoRoom(Text("No room."))
        sizes.append(size)

    catalogue = read(*((f"{n}.jpg", jpeg(n)) for n in range(8)), hold=hold)
    assert len(catalogue) == 3
    assert said(catalogue) == "No room."
    assert min(sizes) > 60  # the look's five vectors, and the small copy


def test_what_is_beyond_the_most_pictures_is_not_called_missing(monkeypatch):
    monkeypatch.setattr(catalogue_module, "MOST_PICTURES", 2)
    monkeypatch.setattr(catalogue_module, "_AHEAD", 0)
    table = b"sku,picture\n" + b"".join(b"%d,%d.jpg\n" % (n, n) for n in range(5))
    catalogue = read(("list.csv", table), *((f"{n}.jpg", jpeg(n)) for n in range(5)))
    assert len(catalogue) == 2
    assert said(catalogue) == "A catalogue holds at most 2 pictures: the rest was left out."


def test_files_beyond_the_most_products_are_counted(monkeypatch):
    monkeypatch.setattr(catalogue_module, "MOST_ROWS", 3)
    catalogue = read(*((f"{n}.jpg", jpeg(n)) for n in range(5)))
    assert len(catalogue) == 3
    assert said(catalogue) == "2 files were left out: a catalogue holds at most 3 products."


def test_ten_thousand_rows_keep_within_memory_and_are_told(monkeypatch):
    table = "".join(f"{n},Thing {n},{n}.jpg\n" for n in range(10_000))
    small = jpeg()
    files = from_uploads([("list.csv", ("sku,title,picture\n" + table).encode())])
    many = catalogue_module.Files(
        lambda: iter(
            [
                *files,
                *(catalogue_module.File(f"{n}.jpg", lambda: small) for n in range(10_000)),
            ]
        ),
        lambda: 10_001,
    )
    told: list[tuple[int, int]] = []
    catalogue = catalogue_from("shop", many, MODEL, told=lambda *so_far: told.append(so_far))
    assert len(catalogue) == 10_000
    assert told[-1] == (10_000, 10_000)
    held = sum(len(picture.small) for picture in catalogue.pictures)
    assert held < 300 * 2**20


def test_a_folder_of_this_host_is_read(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jpg").write_bytes(jpeg())
    (tmp_path / ".hidden.jpg").write_bytes(jpeg(1))
    (tmp_path / "list.csv").write_bytes(b"sku,picture\n7,a.jpg\n")
    (tmp_path / "loop").symlink_to(tmp_path)
    catalogue = catalogue_from("shop", from_paths([tmp_path]), MODEL)
    assert [one.sku for one in catalogue.products] == ["7"]


def test_a_path_that_is_not_there_is_refused_by_name(tmp_path):
    with pytest.raises(CatalogueError, match="nowhere"):
        catalogue_from("shop", from_paths([tmp_path / "nowhere"]), MODEL)


# ── The product on its ground ──────────────────────────────────────────────────────


def test_a_product_on_one_plain_ground_is_found_with_its_holes():
    rgb = np.full((100, 120, 3), 246, np.uint8)
    rgb[30:80, 40:90] = (180, 30, 40)
    rgb[45:60, 55:70] = 246  # a label as white as the ground
    mask = plain_ground(picture_of(rgb))
    assert mask is not None
    wanted = np.zeros((100, 120), bool)
    wanted[30:80, 40:90] = True
    assert np.logical_xor(mask, wanted).mean() < 0.005


def test_a_scene_has_no_plain_ground():
    assert plain_ground(noise(60, 80)) is None
    assert plain_ground(picture_of(np.full((50, 50, 3), 255, np.uint8))) is None


def test_cutting_tight_leaves_a_rim_of_white_and_all_of_the_subject():
    rgb = noise(90, 90, 1).rgb
    mask = np.zeros((90, 90), bool)
    mask[20:60, 30:70] = True
    laid, cover = tight(rgb, mask)
    assert laid.shape[:2] == cover.shape
    assert cover.sum() == mask.sum()
    assert (laid[~cover] == 255).all()
    np.testing.assert_array_equal(laid[cover], rgb[mask])
