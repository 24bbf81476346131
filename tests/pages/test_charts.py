"""What drawings promise of pictures of any shape."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from PIL import Image

from imgsim_core.method import Matches
from imgsim_core.picture import Picture
from imgsim_core.text import Text
from pages.parts import charts, inputs

MATCHES = Matches(
    title=Text("Details of A found again in B"),
    points_a=np.array([[0, 0]], np.float32),
    points_b=np.array([[0, 0]], np.float32),
    verified=np.array([True]),
    outline=None,
)


def picture(width: int, height: int) -> Picture:
    """Make a picture that is black left and white right."""
    rgb = np.zeros((height, width, 3), np.uint8)
    rgb[:, width // 2 :] = 255
    return Picture(rgb, f"{width}x{height}", "a")


@pytest.fixture
def most_bytes() -> Iterator[Callable[[], int]]:
    """Tell how many bytes a test has held at most so far."""
    tracemalloc.start()
    yield lambda: tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()


@pytest.mark.parametrize("shape", [(4000, 5), (5, 4000), (1, 1)])
def test_matches_of_a_strip_are_drawn_in_little_room(shape: tuple[int, int], most_bytes):
    strip, other = picture(*shape), picture(600, 480)
    for a, b in ((strip, other), (other, strip)):
        data = charts.jpeg(charts._matches_canvas(MATCHES, a, b))
        width, height = Image.open(io.BytesIO(data)).size
        assert width <= 2 * 1600 + 12
        assert height <= 480
    assert most_bytes() < 50 * 2**20


def test_two_usual_pictures_are_drawn_at_one_height():
    canvas = charts._matches_canvas(MATCHES, picture(640, 480), picture(320, 240))
    assert canvas.shape == (480, 640 + 12 + 640, 3)


@pytest.mark.parametrize("shape", [(640, 480), (480, 640), (40, 30), (3, 3000), (3000, 1), (1, 1)])
def test_the_middle_of_a_picture_fills_a_thumbnail_without_being_made_large_first(
    shape: tuple[int, int], most_bytes
):
    small = inputs.cover(picture(*shape), 150, 120)
    assert most_bytes() < 2**20
    assert small.shape == (120, 150, 3)
    if min(shape) > 1:
        assert small[:, :40].mean() < 60
        assert small[:, -40:].mean() > 195
