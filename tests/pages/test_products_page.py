"""The Products page, as a visitor without a browser sees it."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from types import SimpleNamespace

import pytest
from PIL import Image

from imgsim_core.applications.products.sample_catalogue import PHOTOGRAPHS, files, photograph_by_id
from pages.parts import products_catalogue, products_photographs
from pages.parts.language import catalogue as translations
from tests.pages.visitor import (
    checked,
    english,
    markdown,
    open_app,
    without_code_spans,
)

PAGE = "../products.py"


def products(link=None, locale: str = "en-GB"):
    app = open_app(link, locale)
    app.switch_page(PAGE)
    return checked(app.run())


def said(app) -> str:
    return "\n".join(markdown(app))


def click(app, key: str):
    next(button for button in app.button if button.key == key).click()
    return checked(app.run())


def jpeg(photograph_id: str) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(photograph_by_id(photograph_id).opened().rgb).save(stream, "JPEG")
    return stream.getvalue()


def bring(app, name: str, *uploads):
    uploader = next(one for one in app.file_uploader if f"_{name}_" in str(one.key))
    for file_name, data, kind in uploads:
        uploader.upload(file_name, data, kind)
    return checked(app.run())


def test_the_first_answer_is_one_click_away():
    app = products()
    assert "19 products" in said(app)
    app = click(app, "products_cup")
    assert "Same product" in said(app)
    assert "CUP-01" in said(app)
    assert "In order of likeness" in [item.value for item in app.subheader]


@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
def test_a_link_restores_photograph_and_weights_in_either_language(locale):
    link = {"products.sample": "cat", "products.weight.colour": "2.5"}
    app = products(link, locale)
    colour = next(one for one in app.slider if one.key == "widget.products.weight.colour")
    assert colour.value == 2.5
    words = "Not in the catalogue"
    assert (translations("zh")[words] if locale == "zh-CN" else words) in said(app)
    if locale == "zh-CN":
        titles = [row["title"] for row in csv.DictReader(io.StringIO(files()[0][1].decode()))]
        texts = [without_code_spans(text) for text in markdown(app)]
        for title in titles:  # the catalogue's own, in its language
            texts = [text.replace(products_catalogue.words(title), "") for text in texts]
        assert not english(texts)


def test_a_link_that_makes_no_sense_is_a_page_like_any_other():
    app = products({"products.sample": "<b>", "products.weight.shape": "9", "products.cutout": "x"})
    assert not app.exception
    assert "In order of likeness" not in [item.value for item in app.subheader]


def test_a_single_photograph_that_is_none_is_said_to_be_none():
    app = bring(products(), "photographs", ("broken.jpg", b"no picture", "image/jpeg"))
    assert "broken.jpg" in "\n".join(item.value for item in app.warning)


def test_many_photographs_become_a_table_and_a_queue_that_empties():
    app = products()
    bring(
        app,
        "photographs",
        ("cup.jpg", jpeg("cup"), "image/jpeg"),
        ("mug.jpg", jpeg("green-mug"), "image/jpeg"),
        ("broken.jpg", b"no picture", "image/jpeg"),
    )
    assert "broken.jpg" in "\n".join(item.value for item in app.warning)
    assert "**2 photographs**" in said(app)
    waiting = 0
    while any(str(one.key).startswith("products_none_") for one in app.button):
        key = next(str(one.key) for one in app.button if str(one.key).startswith("products_none_"))
        app = click(app, key)
        waiting += 1
        assert waiting <= 2
    assert any("Nothing left" in item.value for item in app.success)


def test_of_many_photographs_none_is_left_out_without_a_word(monkeypatch):
    monkeypatch.setattr(products_photographs, "MOST", 3)
    cup, mug = jpeg("cup"), jpeg("green-mug")
    app = bring(
        products(),
        "photographs",
        ("1/shelf.jpg", cup, "image/jpeg"),
        ("2/shelf.jpg", mug, "image/jpeg"),
        ("again.jpg", cup, "image/jpeg"),
        ("fourth.jpg", jpeg("cat"), "image/jpeg"),
    )
    told = "\n".join(item.value for item in app.warning)
    assert "`again.jpg` is the same picture as" in told
    assert "`fourth.jpg` was left out: at most 3 photographs" in told
    assert "**2 photographs**" in said(app)


def test_a_photograph_that_was_reduced_is_not_taken_for_its_file():
    data = jpeg("cup")
    app = bring(products(), "photographs", ("a.jpg", data, "image/jpeg"))
    (kept,) = app.session_state[products_photographs._BROUGHT]
    assert kept.digest != hashlib.sha256(data).hexdigest()


def test_two_photographs_of_one_name_can_both_be_looked_at():
    cup, mug = jpeg("cup"), jpeg("green-mug")
    app = products()
    bring(app, "photographs", ("a.jpg", cup, "image/jpeg"), ("a.jpg", mug, "image/jpeg"))
    closer = app.selectbox(key="products_closer")
    assert closer.options == ["a.jpg · 1", "a.jpg · 2"]


def test_a_stop_holds_for_the_photographs_it_was_pressed_for():
    app = products({"products.sample": "all"})
    digests = [one.opened().digest for one in PHOTOGRAPHS]
    asked = (products_catalogue.samples().digest, *digests)
    app.session_state["products_stopped"] = asked, 2
    checked(app.run())
    assert "Matching was stopped." in [item.value for item in app.warning]
    assert "**2 photographs**" in said(app)
    bring(
        app,
        "photographs",
        *((f"{one}.jpg", jpeg(one), "image/jpeg") for one in ("cup", "green-mug", "cat")),
    )
    assert "Matching was stopped." not in [item.value for item in app.warning]
    assert "**3 photographs**" in said(app)


def test_a_visitor_s_catalogue_is_read_and_its_troubles_are_said():
    table, *pictures = files()
    kept = [one for one in pictures if one[0].startswith(("CUP", "MUG"))]
    lines = table[1].decode().splitlines()
    rows = [line for line in lines if line.startswith(("sku", "CUP", "MUG"))]
    app = products({"products.sample": "cup"})
    app = bring(
        app,
        "catalogue",
        ("shop.csv", "\n".join([*rows, "X-1,Lost,lost.jpg,1,A"]).encode("gb18030"), "text/csv"),
        *((name, data, "image/jpeg") for name, data in kept),
    )
    held = app.session_state["products_reading"]
    held.reading.join(60)
    app = checked(app.run())
    assert "3 products" in said(app)
    assert "lost.jpg" in said(app)
    assert "CUP-01" in said(app)


def test_a_table_without_pictures_is_refused_by_name_and_the_samples_stay():
    app = products()
    app = bring(app, "catalogue", ("list.csv", b"a,b\n1,2\n", "text/csv"))
    if "products_reading" in app.session_state:  # not refused within this very run
        app.session_state["products_reading"].reading.join(60)
        app = checked(app.run())
    assert any("list.csv" in item.value for item in app.error)
    assert "19 products" in said(app)


def test_a_catalogue_that_came_to_nothing_by_a_fault_of_ours_is_not_taken_for_the_samples():
    app = products()
    ended = SimpleNamespace(running=False, catalogue=None, problem=None)
    app.session_state["products_reading"] = SimpleNamespace(reading=ended)
    checked(app.run())
    assert "wrong on our side" in app.error[0].value
    assert "**Sample catalogue** · 19 products" in said(app)


def test_all_samples_at_once_are_a_table_to_download():
    app = products({"products.sample": "all"})
    download = next(one for one in app.get("download_button") if one.key == "products_csv")
    assert download.label
    assert "6 photographs" in said(app)


@pytest.mark.parametrize(
    "title", ["![x](https://evil.example/p.png)", "www.evil.example", "**b** `c` $d$ <i> :red[e]"]
)
def test_a_title_is_never_markup_nor_a_link(title):
    shown = products_catalogue.words(title)
    assert not re.search(r"(?<!\\)[\[\]()*`$<>!]", shown)
    assert not re.search(r"://|www\.\w|:\w", shown)
    assert shown.replace("\\", "").replace("\u2060", "") == title
