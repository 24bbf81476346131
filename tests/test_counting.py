"""Numbers for whoever runs the app: what is counted, and that labels stay few."""

from __future__ import annotations

import threading

import pytest

from imgsim_core import background, counting
from imgsim_core.comparison import Question, Score, ask
from imgsim_core.counting import Tally
from imgsim_core.errors import EmptyFile
from imgsim_core.picture import open_picture
from imgsim_core.registry import method_by_id
from imgsim_core.samples import all_pairs, open_sample


def test_amounts_are_told_apart_by_the_bounds():
    tally = Tally((1, 10))
    for amount in (0.5, 1, 2, 50):
        tally.add("one", amount)
    tally.add("another")
    one = tally.readings()["one"]
    assert (one.count, one.total, one.below) == (4, 53.5, (2, 3))
    assert tally.readings()["another"].count == 1


def test_nothing_is_lost_when_many_count_at_once():
    tally = Tally((0.5,))
    threads = [
        threading.Thread(target=lambda: [tally.add("one") for _ in range(2000)]) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert tally.readings()["one"].count == 8000


def test_labels_stay_few_whatever_comes():
    tally = Tally()
    for number in range(1000):
        tally.add(f"label {number}")
    readings = tally.readings()
    assert len(readings) <= counting._MOST_LABELS + 1
    assert sum(reading.count for reading in readings.values()) == 1000
    assert readings[counting.OTHER].count == 1000 - counting._MOST_LABELS


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("comparisons", "refusals"):
        monkeypatch.setattr(counting, name, Tally(getattr(counting, name).bounds))


def test_a_comparison_counts_under_its_method(counted: None):
    method = method_by_id("phash")
    pair = all_pairs()[0]
    answer = ask(Question(method, method.options()), open_sample(pair.a), open_sample(pair.b))
    assert isinstance(answer, Score)
    (label, reading), *others = counting.comparisons.readings().items()
    assert (label, reading.count, others) == ("phash", 1, [])
    assert reading.total == pytest.approx(answer.milliseconds / 1000)


def test_a_refusal_counts_under_its_class_and_not_under_what_it_refuses(counted: None):
    with pytest.raises(EmptyFile):
        open_picture(b"", "a secret name.jpg")
    assert set(counting.refusals.readings()) == {"EmptyFile"}


def test_work_in_the_background_is_counted_while_it_lasts():
    end = threading.Event()
    thread = background.in_background(lambda: end.wait(20) and None, "a test")
    assert background.at_work()["a test"] == 1
    end.set()
    thread.join()
    assert "a test" not in background.at_work()
