"""What a score hangs on: parts of a picture hidden one by one, behind the page."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from imgsim_core.occlusion import OcclusionMap
from imgsim_core.text import Text
from pages.parts import probe


def _page() -> None:
    from imgsim_core.comparison import Question
    from imgsim_core.registry import method_by_id
    from imgsim_core.samples import open_sample
    from pages.parts import probe

    method = method_by_id("histogram")
    asked = Question(method, method.options())
    probe.show_occlusion(asked, open_sample("cat"), open_sample("coffee"))


def ended(app: AppTest) -> AppTest:
    (job,) = app.session_state["occlusion_jobs"].values()
    assert job.done.wait(20)
    app.run()
    assert not app.exception
    return app


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_what_ended_early_is_told_and_can_be_asked_again(monkeypatch: pytest.MonkeyPatch):
    none = np.zeros((8, 8), np.float32)
    results: list[Any] = [
        Text("Its model went away."), None, OcclusionMap(none, False), OcclusionMap(none, True)
    ]  # fmt: skip

    def occlusion_map(*_: object, **__: object) -> Any:
        result = results.pop(0)
        return 1 / 0 if result is None else result

    monkeypatch.setattr(probe, "occlusion_map", occlusion_map)
    app = AppTest.from_function(_page).run()
    for sentence in ("Its model went away.", "wrong on our side", "Stopped before every place"):
        app = ended(app.button(key="occlusion_histogram").click().run())
        assert any(sentence in item.value for item in (*app.info, *app.caption))
    app = ended(app.button(key="occlusion_histogram").click().run())
    assert not app.button
