"""What a gallery knows of one picture."""

from __future__ import annotations

from imgsim_core.gallery import entry as module
from tests.gallery.rows import entry


def test_of_very_many_files_with_the_same_bytes_the_first_names_are_kept(monkeypatch):
    monkeypatch.setattr(module, "MOST_NAMES", 3)
    known = entry("0.jpg")
    for number in range(1, 5):
        known = known.also_at(f"{number}.jpg", f"/in/{number}.jpg")
    assert known.names == ("0.jpg", "1.jpg", "2.jpg")
    assert known.sources == ("", "/in/1.jpg", "/in/2.jpg")
    assert known.also_at("9.jpg", "") is known
