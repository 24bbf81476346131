"""Questions about places: where is this spot of A in B, and what does the score hang on?"""

from __future__ import annotations

import threading

import streamlit as st

from imgsim_core import lanes
from imgsim_core.background import in_background
from imgsim_core.comparison import Question
from imgsim_core.occlusion import OcclusionMap, occlusion_map
from imgsim_core.picture import Picture
from imgsim_core.text import Text
from pages.parts import assets, cached, charts
from pages.parts.language import say, t
from pages.parts.oops import SORRY

_SPOT = assets.component("spot")
_BUDGET_SECONDS = 15.0


def show_spot(asked: Question, a: Picture, b: Picture) -> None:
    """Let the visitor point at a spot of A and see where B is like it."""
    point_out = asked.method.point_out
    if point_out is None:
        return
    st.markdown(f"**{t('Click a spot in A: where is B like it?')}**")
    key = f"spot_{asked.method.id}"
    chosen = st.session_state.get(key, {}).get("spot") or [0.5, 0.5]
    left, right = st.columns(2)
    with left:
        _SPOT(
            key=key,
            data={
                "url": charts.data_url(cached.preview(a)),
                "alt": t("Picture A"),
                "label": t("Choose a spot in picture A with the arrow keys"),
                "x": chosen[0],
                "y": chosen[1],
            },
            default={"spot": chosen},
            on_spot_change=lambda: None,
        )
    with right:
        charts.heatmap(point_out(a, b, asked.options, *chosen), b, titled=False)


def show_occlusion(asked: Question, a: Picture, b: Picture) -> None:
    """Offer to hide parts of A one by one; the work goes on in the background."""
    jobs: dict[object, _Job] = st.session_state.setdefault("occlusion_jobs", {})
    key = (asked.method.id, asked.options, a.digest, b.digest)
    job = jobs.get(key)
    if job is None or job.ended_early:
        clicked = st.button(
            t("Hide parts of A one by one: what does the score hang on?"),
            key=f"occlusion_{asked.method.id}",
            icon=":material/visibility_off:",
        )
        if clicked:
            for other in jobs.values():
                other.stop.set()
            jobs.clear()
            job = jobs[key] = _Job(asked, a, b)
    if job is None:
        return
    st.fragment(_follow, run_every=None if job.done.is_set() else 0.4)(job, a)


def _follow(job: _Job, a: Picture) -> None:
    # Short work is shown at once, without a bar that flashes.
    job.done.wait(0.3)
    if not job.done.is_set():
        st.progress(job.share, text=t("Hiding parts of A and asking again"))
        st.button(t("Stop"), key="occlusion_stop", on_click=job.stop.set, type="tertiary")
        return
    if isinstance(job.result, OcclusionMap):
        charts.heatmap(job.result.evidence(), a)
        if not job.result.complete:
            st.caption(t("Stopped before every place was tried."))
    else:
        st.info(say(job.result or SORRY))
    if not job.shown:
        job.shown = True
        st.rerun()  # ends the refreshing


class _Job:
    """One occlusion map being made in a thread of its own."""

    def __init__(self, asked: Question, a: Picture, b: Picture) -> None:
        self.share = 0.0
        self.stop, self.done = threading.Event(), threading.Event()
        self.result: OcclusionMap | Text | None = None
        self.shown = False
        in_background(lambda: self._run(asked, a, b), "occlusion", lanes.current())

    @property
    def ended_early(self) -> bool:
        """Whether it is over without having tried every place."""
        tried_all = isinstance(self.result, OcclusionMap) and self.result.complete
        return self.done.is_set() and not tried_all

    def _run(self, asked: Question, a: Picture, b: Picture) -> None:
        def progress(share: float) -> None:
            self.share = share

        try:
            self.result = occlusion_map(
                asked,
                a,
                b,
                seconds=_BUDGET_SECONDS,
                progress=progress,
                stopped=self.stop.is_set,
            )
        finally:
            self.done.set()
