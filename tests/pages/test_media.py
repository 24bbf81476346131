"""Pictures that a page has let go of: for a while browsers still get them."""

from __future__ import annotations

import pytest
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.runtime.media_file_storage import MediaFileKind, MediaFileStorageError

from pages.parts import media
from pages.parts.media import MOST_BYTES, SECONDS, LingeringMedia


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def storage(clock: Clock) -> LingeringMedia:
    return LingeringMedia("/media", clock)


def added(storage: LingeringMedia, data: bytes) -> str:
    return storage.load_and_get_id(data, "image/png", MediaFileKind.MEDIA)


def there(storage: LingeringMedia, file_id: str) -> bool:
    try:
        return bool(storage.get_file(f"{file_id}.png").content)
    except MediaFileStorageError:
        return False


def test_a_picture_can_be_fetched_until_its_time_is_over(storage: LingeringMedia, clock: Clock):
    shown = added(storage, b"a picture")
    storage.delete_file(shown)
    clock.now += SECONDS - 1
    media.forget_old()
    assert there(storage, shown)
    clock.now += 2
    media.forget_old()
    assert not there(storage, shown)


def test_a_picture_shown_again_stays(storage: LingeringMedia, clock: Clock):
    shown = added(storage, b"a picture")
    storage.delete_file(shown)
    assert added(storage, b"a picture") == shown
    clock.now += 2 * SECONDS
    media.forget_old()
    assert there(storage, shown)


def test_what_was_let_go_of_is_bounded_and_the_oldest_goes_first(storage: LingeringMedia):
    files = [added(storage, bytes([number]) * (MOST_BYTES // 4)) for number in range(6)]
    for file in files[:5]:
        storage.delete_file(file)
    assert [there(storage, file) for file in files] == [False, True, True, True, True, True]
    storage.delete_file(files[5])
    storage.delete_file(files[5])  # once more makes no difference
    assert [there(storage, file) for file in files] == [False, False, True, True, True, True]


def test_what_a_visitor_has_had_forgotten_goes_at_once(
    storage: LingeringMedia, clock: Clock, monkeypatch: pytest.MonkeyPatch
):
    visitor = ["one"]
    monkeypatch.setattr(media, "_session", lambda: visitor[0])
    hidden, shown = added(storage, b"hidden"), added(storage, b"shown")
    visitor[0] = "another"
    theirs = added(storage, b"theirs")
    storage.delete_file(hidden)
    visitor[0] = "one"
    media.forget_what_was_shown()
    assert [there(storage, file) for file in (hidden, shown, theirs)] == [False, True, True]
    for file in (shown, theirs):  # their pages are drawn anew
        storage.delete_file(file)
    assert [there(storage, file) for file in (shown, theirs)] == [False, True]
    clock.now += SECONDS
    media.forget_old()
    later = added(storage, b"later")
    storage.delete_file(later)
    assert there(storage, later)
    assert set(storage._session_of) == {later}


def test_deleting_what_is_not_there_does_nothing(storage: LingeringMedia):
    storage.delete_file("no such file")
    media.forget_old()


def test_a_page_drawn_anew_while_another_ends_keeps_its_pictures(storage: LingeringMedia):
    """As Streamlit goes about it: its own storage would have nothing at the address."""
    manager = MediaFileManager(storage)
    address = manager.add(b"a picture", "image/png", "1.(3.-14).5")
    file_id = address.rpartition("/")[2].partition(".")[0]
    manager.clear_session_refs()  # the page begins
    manager.remove_orphaned_files()  # another's has ended
    assert there(storage, file_id)
    assert manager.add(b"a picture", "image/png", "1.(3.-14).5") == address
    assert there(storage, file_id)
