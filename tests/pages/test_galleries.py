"""The bar of galleries: what a visitor can choose, bring, stop and delete."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from imgsim_core.errors import StoreGone
from imgsim_core.gallery.ingest import new_gallery
from imgsim_core.gallery.intake import Intake
from imgsim_core.gallery.life import Visitors
from imgsim_core.gallery.limits import Limits
from imgsim_core.gallery.shared_samples import SampleGallery
from imgsim_core.gallery.shelf import Shelf
from imgsim_core.gallery.store import open_store
from imgsim_core.text import Text
from pages.parts import galleries, tenancy
from tests.pages.visitor import checked, english, file_of, markdown, open_app

PAGE = "../map.py"


@pytest.fixture(autouse=True)
def host(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Visitors]:
    """A host of its own for each test; it publishes nothing, and the page shows the bar only."""
    monkeypatch.setenv("IMGSIM_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("IMGSIM_PICTURES", str(tmp_path / "pictures"))
    (tmp_path / "store").mkdir()
    visitors = Visitors(tmp_path / "visitors", Limits(hours=2, pictures=6))
    samples = SampleGallery(visitors)
    monkeypatch.setattr(tenancy, "visitors", lambda: visitors)
    monkeypatch.setattr(tenancy, "sample_gallery", lambda: samples)
    yield visitors
    samples.stop()
    visitors.close()


def shown(app: AppTest) -> str:
    return "\n".join(markdown(app))


def on_page(link: dict[str, str] | None = None, locale: str = "en-GB") -> AppTest:
    app = open_app({"pair": "cat-edited"} | (link or {}), locale)
    return checked(app.switch_page(PAGE).run())


def bring(app: AppTest, *files: tuple[str, bytes]) -> AppTest:
    """Give files to the uploader and wait until they are in."""
    uploader = next(one for one in app.file_uploader if "gallery_files" in str(one.key))
    for name, data in files:
        uploader.upload(name, data, "image/png")
    checked(app.run())
    intake = intake_of(app)
    intake.join(90)
    assert not intake.running
    return checked(app.run())


def intake_of(app: AppTest) -> Intake:
    return app.session_state["tenant"].intake


def zip_of(**files: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as packed:
        for name, data in files.items():
            packed.writestr(name, data)
    return stream.getvalue()


@pytest.mark.parametrize("page", ["../search.py", "../duplicates.py", "../map.py"])
def test_a_first_visitor_is_offered_the_samples_and_told_what_a_gallery_is_for(page: str):
    app = open_app({"pair": "cat-edited"})
    checked(app.switch_page(page).run())
    assert app.button(key="try_samples").label == "Try it with the sample gallery"
    assert all(word in shown(app) for word in ("**Search**", "**Duplicates**", "**Map**"))
    assert "2 hours after you last used them" in shown(app)


def test_the_first_page_in_chinese_holds_no_english():
    app = on_page(locale="zh-CN")
    bar = [text for text in markdown(app) if "EfficientNet" not in text and "CLIP" not in text]
    assert english(bar) == []


def test_the_sample_gallery_comes_with_one_click_and_stands_in_the_link():
    app = on_page()
    checked(app.button(key="try_samples").click().run())
    samples = tenancy.sample_gallery()
    deadline = time.monotonic() + 90
    while samples.state == "building" and time.monotonic() < deadline:
        time.sleep(0.1)
    assert samples.state == "ready", samples.problem
    checked(app.run())
    assert "**Sample gallery**" in shown(app)
    assert app.query_params["gallery"] in ("samples", ["samples"])
    gallery = samples.gallery()
    assert gallery is not None
    assert gallery.read_only


def test_all_who_wait_are_told_why_there_are_no_samples_and_a_click_tries_again():
    samples = tenancy.sample_gallery()
    samples.state, samples.problem = "failed", Text("No room on the disk.")
    for _ in "ab":
        app = on_page({"gallery": galleries.SAMPLES})
        assert "No room on the disk." in shown(app)
    checked(app.button(key="try_samples").click().run())
    assert samples.state in ("building", "ready")
    assert "No room on the disk." not in shown(app)


def test_pictures_that_are_brought_become_a_gallery_that_no_link_names(host: Visitors):
    app = bring(on_page(), ("a.png", file_of("PNG", 1)), ("b.png", file_of("PNG", 2)))
    assert "**Your gallery** · 2 pictures" in shown(app)
    assert "2 pictures added" in shown(app)
    name = app.session_state["tenant"].name
    assert "gallery" not in app.query_params
    assert name not in str(app.query_params)
    assert name not in shown(app)
    assert [place.name for place in host.folder.iterdir()] == [name]


def test_two_visitors_have_two_galleries():
    first = bring(on_page(), ("a.png", file_of("PNG", 1)))
    second = on_page()
    assert second.button(key="try_samples")
    second = bring(second, ("b.png", file_of("PNG", 2)), ("c.png", file_of("PNG", 3)))
    assert "1 pictures" in shown(checked(first.run()))
    assert "2 pictures" in shown(second)


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("texts.zip", zip_of(**{"notes.txt": b"hello"}), "notes.txt"),
        ("empty.zip", zip_of(), "0 pictures added"),
        ("broken.png", b"no picture at all", "broken.png"),
    ],
)
def test_what_holds_no_picture_is_told_with_its_reason(name: str, data: bytes, reason: str):
    app = bring(on_page(), (name, data))
    assert "0 pictures" in shown(app)
    assert reason in shown(app)


def test_files_over_the_quota_are_left_out_with_a_sentence():
    files = [(f"{seed}.png", file_of("PNG", seed)) for seed in range(9)]
    app = bring(on_page(), *files)
    assert "**Your gallery** · 6 pictures" in shown(app)
    assert "at most 6 pictures" in shown(app)


def test_a_file_larger_than_the_gallery_may_be_is_refused_by_name(host: Visitors):
    host.limits = Limits(hours=2, pictures=6, megabytes=0.5)
    app = bring(on_page(), ("a.png", file_of("PNG", 1)), ("huge.png", bytes(2**20)))
    assert "**Your gallery** · 1 picture" in shown(app)
    assert "huge.png" in shown(app)
    assert "at most 0.5 MB can be added at a time" in shown(app)


def test_a_button_deletes_at_once(host: Visitors):
    app = bring(on_page(), ("a.png", file_of("PNG", 1)))
    app.session_state["gallery_open"] = True
    checked(app.run())
    checked(app.button(key="delete_gallery").click().run())
    assert not list(host.folder.iterdir())
    assert app.button(key="try_samples")


def test_a_gallery_whose_time_is_up_is_told_and_the_choice_is_offered(host: Visitors):
    app = bring(on_page(), ("a.png", file_of("PNG", 1)))
    intake_of(app).forget_progress()
    host.drop(app.session_state["tenant"].name)
    checked(app.run())
    assert "its time was up" in shown(app)
    assert app.button(key="try_samples")


def test_a_stopped_intake_offers_to_resume():
    app = bring(on_page(), ("a.png", file_of("PNG", 1)))
    intake = intake_of(app)
    intake._waiting = [("b.png", file_of("PNG", 2))]
    checked(app.run())
    assert "Not all files are in" in shown(app)
    checked(app.button(key="resume_intake").click().run())
    intake.join(60)
    assert "**Your gallery** · 2 pictures" in shown(checked(app.run()))


def test_published_galleries_are_listed_by_title_and_open_by_link(tmp_path: Path):
    store, shelf = open_store(str(tmp_path / "store")), Shelf(str(tmp_path / "pictures"))
    new_gallery("holidays", store, shelf, title="Holidays *2019*")
    app = on_page()
    assert app.button(key="gallery_holidays").label == r"Holidays \*2019\*"
    app = on_page({"gallery": "holidays"})
    assert r"**Holidays \*2019\***" in shown(app)
    assert "published by this server" in shown(app)


def test_a_store_that_is_gone_is_a_sentence_and_the_samples_stay(tmp_path: Path):
    (tmp_path / "store").rmdir()
    app = on_page()
    assert "There is no store at" in shown(app)
    assert app.button(key="try_samples")
    app = on_page({"gallery": "holidays"})
    assert "There is no store at" in shown(app)
    assert app.button(key="try_samples")


def test_from_a_gallery_that_is_gone_there_is_a_way_back_to_ones_own():
    app = bring(on_page(), ("a.png", file_of("PNG", 1)))
    app.session_state["settings"] = {"gallery": "nowhere"}
    checked(app.run())
    assert "There is no gallery called `nowhere`" in shown(app)
    checked(app.button(key="gallery_own").click().run())
    assert "**Your gallery** · 1 pictures" in shown(app)


def test_a_gallery_that_cannot_be_counted_leaves_the_choice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    store, shelf = open_store(str(tmp_path / "store")), Shelf(str(tmp_path / "pictures"))
    new_gallery("holidays", store, shelf)

    def gone(*_: object) -> int:
        raise StoreGone(Text("The store went away."))

    monkeypatch.setattr(type(store), "count", gone)
    app = on_page({"gallery": "holidays"})
    assert "The store went away." in shown(app)
    assert app.button(key="try_samples")


def test_a_link_to_a_gallery_that_is_gone_says_so():
    app = on_page({"gallery": "nowhere"})
    assert "There is no gallery called `nowhere`" in shown(app)
    assert app.button(key="try_samples")


def test_a_session_that_is_let_go_of_takes_its_gallery_along(host: Visitors):
    tenant = tenancy.Tenant(None, "")
    name, intake = tenant.name, tenant.intake
    del tenant
    assert intake.stopping is False
    assert intake._stop.is_set()
    assert host.reap() == 1
    assert not (host.folder / name).exists()


def test_the_status_page_tells_how_much_there_is_and_not_whose(host: Visitors):
    name = host.make()
    app = open_app({"pair": "cat-edited"})
    checked(app.switch_page("../status.py").run())
    found = {metric.label: metric.value for metric in app.metric}
    assert found["Temporary galleries"] == "1"
    assert name not in shown(app)
    assert galleries.SAMPLES not in found
