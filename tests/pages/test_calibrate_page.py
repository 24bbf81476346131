"""What the Calibrate page promises."""

from __future__ import annotations

import io
import json
import re
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from imgsim_core.comparison import Question
from imgsim_core.kept_lines import KeptLine, lines_as_json
from imgsim_core.labelled import EXAMPLES, example
from imgsim_core.registry import all_methods, method_by_id
from pages.parts import cached, disputes, keeping, lines, own_methods, workbench
from pages.parts.workbench import Workbench
from tests.pages.test_uploads import BAD, NAMES
from tests.pages.visitor import (
    checked,
    english,
    markdown,
    names,
    open_app,
    whole,
    without_code_spans,
)

METHODS = ("histogram", "ssim", "hog", "phash")


@pytest.fixture(autouse=True)
def _quick_methods(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask a few quick methods; that every method fits is asked elsewhere."""
    few = tuple(method_by_id(code) for code in METHODS)
    monkeypatch.setattr(own_methods, "all_methods", lambda: few)
    asked = tuple(Question(method, method.options()) for method in few)
    monkeypatch.setattr(workbench, "family_questions", lambda: asked)
    monkeypatch.setattr(disputes, "family_questions", lambda: asked)


def open_page(link: dict[str, str] | None = None) -> AppTest:
    """Open the page by a link's parameters, and wait until all scores are there."""
    return settled(checked(open_app(link).switch_page("../calibrate.py").run()))


def stored(app: AppTest, key: str, otherwise: Any) -> Any:
    if key not in app.session_state:
        return otherwise
    return app.session_state[key]


def bench_of(app: AppTest) -> Workbench | None:
    return stored(app, "workbench", None)


def settled(app: AppTest) -> AppTest:
    bench = bench_of(app)
    ending = time.monotonic() + 60
    if bench is not None and bench._standings is not None:
        bench._standings.result()
    while bench is not None:
        there, total = bench.scoring.done([pair.key for pair in bench.marked])
        if there == total:
            break
        assert time.monotonic() < ending
        time.sleep(0.02)
    return whole(app)


def bring_files(app: AppTest, *files: tuple[str, bytes]) -> AppTest:
    key = f"file_bring_{stored(app, 'turn_bring', 0)}"
    uploader = app.file_uploader(key=key)
    uploader.set_value([(name, data, "application/octet-stream") for name, data in files])
    return settled(checked(app.run()))


def picture_file(seed: int, copy: bool = False) -> bytes:
    """Make one of many small pictures, or a slightly darker copy of it."""
    corners = np.random.default_rng(seed).integers(0, 256, (5, 6, 3), dtype=np.uint8)
    large = np.asarray(Image.fromarray(corners).resize((96, 72), Image.Resampling.BICUBIC))
    stream = io.BytesIO()
    Image.fromarray((large * 0.85).astype(np.uint8) if copy else large).save(stream, "PNG")
    return stream.getvalue()


def archive(count: int = 8) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as target:
        for number in range(count):
            target.writestr(f"mine/{number}.png", picture_file(number))
            target.writestr(f"mine/{number}-copy.png", picture_file(number, copy=True))
    return stream.getvalue()


def marks_file(same: int = 6, different: int = 6) -> bytes:
    rows = [f"{number}.png,{number}-copy.png,yes" for number in range(same)]
    rows += [f"{number}.png,{(number + 1) % 8}.png,no" for number in range(different)]
    return "\n".join(["a,b,same", *rows]).encode()


def text(app: AppTest) -> str:
    return "\n".join(map(str, markdown(app)))


def say(app: AppTest, answer: str) -> AppTest:
    """Click one of the answers, and draw the whole page anew."""
    return settled(checked(app.button(key=f"mark_{answer}").click().run()))


def truth(bench: Workbench) -> str:
    """What an honest visitor answers to the pair on show."""
    pair = bench.proposal()
    assert pair is not None
    stems = {bench.pictures[end].name.split("/")[-1].split(".")[0] for end in pair.key}
    return "same" if len({stem.removesuffix("-copy") for stem in stems}) == 1 else "different"


# ── From examples ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("code", EXAMPLES)
def test_one_click_on_an_example_shows_the_answer(code: str):
    app = open_page()
    assert bench_of(app) is None
    settled(checked(app.button(key=f"example_{code}").click().run()))
    assert "separates them best" in text(app)
    assert len(app.get("plotly_chart")) == 3
    assert len(app.dataframe[0].value) == len(METHODS)
    assert app.query_params["labelled"] == [code] or app.query_params["labelled"] == code


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_link_restores_the_example_in_its_language(language: str):
    app = open_page({"labelled": "copies", "lang": language})
    bench = bench_of(app)
    assert bench is not None
    assert bench.example == "copies"
    if language == "zh":
        assert not english(list(markdown(app)))


class _ThatMostCannotAnswer:
    """Scores of one method, of three that cannot answer, and of one that is still at work."""

    def __init__(self, bench: Workbench) -> None:
        self._real = bench.scoring
        slow = method_by_id("dhash")
        self.questions = (*self._real.questions, Question(slow, slow.options()))

    def done(self, keys: list[Any]) -> tuple[int, int]:
        return 4 * len(keys), 5 * len(keys)

    def scores(self, place: int) -> dict[Any, float | None]:
        answered = self._real.scores(0)
        return dict(answered) if place == 0 else {} if place == 4 else dict.fromkeys(answered)

    def want(self, pairs: list[Any]) -> None:
        pass


def test_methods_that_cannot_answer_are_waited_for_once():
    app = open_page({"labelled": "copies"})
    bench = bench_of(app)
    assert bench is not None
    bench.scoring = _ThatMostCannotAnswer(bench)  # type: ignore[assignment]
    checked(app.run(timeout=20))
    assert len(app.dataframe[0].value) == 1


def test_a_link_to_no_example_is_the_page_as_it_is():
    app = open_page({"labelled": "<script>"})
    assert bench_of(app) is None
    assert "labelled" not in app.query_params


def test_starting_over_clears_the_page():
    app = open_page({"labelled": "copies"})
    checked(app.button(key="start_over").click().run())
    assert bench_of(app) is None
    assert app.button(key="example_copies")


def test_the_wanted_error_moves_the_lines_and_asks_no_method():
    app = open_page({"labelled": "copies"})
    before = cached.memory().described
    strict = [row for row in app.dataframe[0].value.iloc[:, 3]]
    whole(checked(app.segmented_control(key="widget.wanted").set_value("equal").run()))
    assert [row for row in app.dataframe[0].value.iloc[:, 3]] != strict
    assert cached.memory().described == before


# ── Lines ──────────────────────────────────────────────────────────────────────────


def test_a_line_found_here_holds_on_compare():
    app = open_page({"labelled": "copies"})
    app.selectbox(key="separation_method").set_value("ssim")
    whole(checked(app.run()))
    whole(checked(app.button(key="use_line").click().run()))
    method = method_by_id("ssim")
    key = lines.key(method, method.options())
    line = app.session_state["settings"][key]
    assert app.button(key="use_line").disabled
    checked(app.switch_page("../compare.py").run())
    app.button(key="pair_start_cat-edited").click()
    checked(app.run())
    assert app.slider(key=f"widget.{key}").value == line


def test_the_lines_of_all_methods_are_taken_over_and_stand_in_the_link():
    app = open_page({"labelled": "copies"})
    whole(checked(app.button(key="use_lines").click().run()))
    known = [
        lines.key(method, method.options()) for method in (method_by_id(code) for code in METHODS)
    ]
    assert all(key in app.session_state["settings"] for key in known)
    assert all(key in app.query_params for key in known)


def test_a_file_of_lines_says_the_share_of_false_alarms_it_was_made_for(
    monkeypatch: pytest.MonkeyPatch,
):
    made: dict[str, Callable[[], str]] = {}

    def button(label: str, data: Callable[[], str], *_: Any, key: str, **__: Any) -> None:
        made[key] = data

    app = open_page({"labelled": "copies", "wanted": "1"})
    monkeypatch.setattr(keeping.st, "download_button", button)
    whole(app)
    file = json.loads(made["save_lines"]())  # at the click: no session is known any more
    assert file["provenance"]["false_alarms_wanted"] == "1"


def test_saved_lines_can_be_loaded_and_bad_ones_are_said():
    app = open_page({"labelled": "copies"})
    method = method_by_id("ssim")
    good = KeptLine(Question(method, method.options()), 0.61)
    whole_file = json.loads(lines_as_json([good], {}))
    whole_file["lines"].append({"method": "ssim", "line": 5})
    app.file_uploader(key="file_lines_0").upload("lines.json", json.dumps(whole_file).encode())
    whole(checked(app.run()))
    assert app.session_state["settings"][lines.key(method, method.options())] == 0.61
    told = text(app)
    assert "1 lines loaded" in told
    assert "from 0 to 1, not `5`" in told


def test_a_file_that_holds_no_lines_is_said_to_hold_none():
    app = open_page({"labelled": "copies"})
    app.file_uploader(key="file_lines_0").upload("lines.json", b"[]")
    assert "not a file of lines" in text(whole(checked(app.run())))


def test_of_a_file_with_many_bad_lines_the_first_are_said_and_the_rest_counted():
    app = open_page({"labelled": "copies"})
    whole_file = json.loads(lines_as_json([], {})) | {"lines": [{}] * 500}
    app.file_uploader(key="file_lines_0").upload("lines.json", json.dumps(whole_file).encode())
    told = text(whole(checked(app.run())))
    assert told.count("of the file names no method") == 12
    assert "… and 488 more." in told


# ── The visitor's own pictures ─────────────────────────────────────────────────────


def test_pictures_from_a_zip_are_marked_by_clicking_until_there_is_an_answer():
    app = bring_files(open_page(), ("set.zip", archive()))
    bench = bench_of(app)
    assert bench is not None
    assert len(bench.pictures) == 16
    assert "Nothing is marked yet" in text(app)
    for _ in range(16):
        say(app, truth(bench))
    assert len(bench.marked) == 16
    assert len({pair.key for pair in bench.answered}) == 16
    assert "separates them best" in text(app)


def test_undo_takes_the_last_answer_back_and_skip_marks_nothing():
    app = bring_files(open_page(), ("set.zip", archive()))
    bench = bench_of(app)
    assert bench is not None
    first = bench.proposal()
    say(app, "skip")
    assert bench.proposal() != first
    assert not bench.marked
    say(app, "same")
    assert len(bench.marked) == 1
    say(app, "undo")
    say(app, "undo")
    assert not bench.answered
    assert bench.proposal() == first
    assert app.button(key="mark_undo").disabled


def test_one_sort_of_marks_only_is_said():
    app = bring_files(open_page(), ("set.zip", archive()))
    for _ in range(6):
        say(app, "same")
    assert "All marked pairs are the same so far" in text(app)


def test_a_mark_asks_about_its_own_pair_only():
    app = bring_files(open_page(), ("set.zip", archive()), ("marks.csv", marks_file()))
    asked = []
    bench = bench_of(app)
    assert bench is not None
    original = bench.scoring._ask
    bench.scoring._ask = lambda *args: (asked.append(args), original(*args))[1]
    say(app, "same")
    # The pair after it is worked out ahead, too
    assert len({frozenset((a.digest, b.digest)) for _, a, b in asked}) <= 2


def test_a_zip_and_a_csv_need_no_click_more():
    app = bring_files(open_page(), ("set.zip", archive()), ("marks.csv", marks_file()))
    assert "separates them best" in text(app)
    assert not app.warning


def test_marks_may_come_in_the_zip_or_before_the_pictures_they_name():
    with_marks = io.BytesIO(archive())
    with zipfile.ZipFile(with_marks, "a") as target:
        target.writestr("marks.csv", marks_file())
    app = bring_files(open_page(), ("set.zip", with_marks.getvalue()))
    assert len(bench_of(app).marked) == 12

    app = open_page()
    loose = [(f"{number}.png", picture_file(number)) for number in range(3)]
    bring_files(app, *loose, ("marks.csv", b"a,b,same\n0.png,7.png,no\n0.png,1.png,no\n"))
    assert len(bench_of(app).marked) == 1
    assert "there is no picture called `7.png`" in app.warning[0].value
    bring_files(app, ("7.png", picture_file(7)))
    assert len(bench_of(app).marked) == 2
    assert not app.warning


def test_a_mark_set_right_by_the_visitor_stays_when_more_pictures_come():
    app = bring_files(open_page(), ("set.zip", archive()), ("marks.csv", marks_file()))
    bench = bench_of(app)
    righted = bench.answered[-1] = replace(bench.answered[-1], same=True)
    app = bring_files(app, ("new.png", picture_file(99)))
    assert righted in bench_of(app).marked
    assert len(bench_of(app).marked) == len(bench.marked)


def test_bad_rows_and_bad_files_are_listed_and_the_rest_is_used():
    rows = marks_file() + b"\n0.png,0-copy.png,no\nlost.png,1.png,yes\n2.png,3.png,perhaps\n"
    app = bring_files(
        open_page(),
        ("set.zip", archive()),
        ("letter.png", BAD["letter.png"]),
        ("marks.csv", rows),
    )
    told = app.warning[0].value
    for words in ("`letter.png`", "Row 14 says the opposite of row 2", "Row 15", "Row 16"):
        assert words in told
    assert len(bench_of(app).marked) == 11
    assert "separates them best" in text(app)


def test_a_csv_without_its_columns_is_said():
    app = bring_files(open_page(), ("set.zip", archive()), ("marks.csv", b"x,y\n1,2\n"))
    assert "a, b, same is not there" in app.warning[0].value
    assert app.button(key="mark_same")


def test_less_than_two_pictures_is_a_sentence():
    app = open_page()
    app.file_uploader(key="file_bring_0").set_value([("1.png", picture_file(1), "image/png")])
    checked(app.run())
    assert "At least two different pictures" in app.warning[0].value
    assert "the rest is" not in app.warning[0].value  # nothing is used
    assert bench_of(app) is None


def test_more_pictures_join_those_that_are_there_and_marks_stay():
    app = bring_files(open_page(), ("set.zip", archive(4)))
    say(app, "same")
    bring_files(app, ("new.png", picture_file(99)))
    bench = bench_of(app)
    assert len(bench.pictures) == 9
    assert len(bench.marked) == 1


def test_own_pictures_replace_an_example():
    app = bring_files(open_page({"labelled": "copies"}), ("set.zip", archive()))
    bench = bench_of(app)
    assert bench.example is None
    assert len(bench.pictures) == 16
    assert "labelled" not in app.query_params


@pytest.mark.parametrize("name", NAMES[:7], ids=range(7))
def test_a_file_name_is_never_markup(name: str):
    app = bring_files(
        open_page(), (name, picture_file(1)), ("2.png", picture_file(2)), (f"bad {name}", b"no")
    )
    told = [one for one in markdown(app) if "evil.example" in one]
    assert len(told) >= 2
    for one in told:
        assert "evil.example" not in without_code_spans(one)
    assert not any("evil.example" in item.value for item in app.get("html"))


# ── Together, and apart ────────────────────────────────────────────────────────────


def test_all_methods_together_are_tried_when_asked():
    app = open_page({"labelled": "copies"})
    whole(checked(app.button(key="combine").click().run()))
    assert re.search(r"(Yes|No): together they are right in \d+ of 100 cases", text(app))


def test_the_wall_of_disagreements_leads_to_compare():
    app = open_page({"labelled": "views"})
    checked(app.button(key="find_disputes").click().run())
    whole(app)
    found = bench_of(app).disagreements
    assert 4 <= len(found) <= 12
    assert str(found[0].contrast).split(":")[0] in text(app)
    checked(app.button(key="open_0").click().run())
    checked(app.switch_page("../compare.py").run())  # AppTest does not follow the page itself
    assert names(app) == [found[0].a.name, found[0].b.name]


def test_every_method_fits(monkeypatch: pytest.MonkeyPatch):
    """Each usable method is judged on an example, by scores made up here."""
    monkeypatch.undo()
    usable = [method for method in all_methods() if method.availability() is None]
    pictures, pairs = example("copies")
    from imgsim_core.separation import marked_scores, separation

    for method in usable:
        ends = method.scale.axis
        scores = {pair.key: ends[bool(pair.same)] for pair in pairs}
        found = separation(marked_scores(Question(method, method.options()), pairs, scores), 0.05)
        assert found is not None
        assert (found.area, found.false_alarms, found.misses) == (1, 0, 0), method.id
        assert min(ends) <= found.line <= max(ends)
    assert len(pictures)
