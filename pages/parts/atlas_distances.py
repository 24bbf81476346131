"""How near the nearest picture is, over the whole gallery, with the visitor's line drawn in."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from imgsim_core.comparison import Question
from imgsim_core.errors import UnknownMethod
from imgsim_core.registry import method_by_id
from pages.parts import lines, links, meanings, settings
from pages.parts.atlas_colours import ABOVE, BELOW
from pages.parts.atlas_view import View, choose
from pages.parts.language import t

_LINE = "#1a9a88"
_BINS = 100
_HEIGHT = 260
_INSET = 6  # pixels between a slider's edge and its end
_UNMEASURED_LINE = 0.8
_KEY = "map.line"  # for a model that is no method of this host


def question(view: View) -> Question | None:
    """The method that compares by this gallery's model, if there is one here."""
    try:
        method = method_by_id(view.gallery.info.model)
    except UnknownMethod:
        return None
    return Question(method, method.options())


def line(view: View) -> float:
    """Cosine from which the visitor calls two pictures alike."""
    asked = question(view)
    return settings.get(_KEY, _UNMEASURED_LINE) if asked is None else lines.line(asked)


def show(view: View, colours_follow: bool) -> None:
    """Draw the histogram, the line, and what the line would say.

    Parameters
    ----------
    view : View
    colours_follow : bool
        Whether the map is coloured by the line, and so is drawn anew when it moves.
    """
    cosines = view.atlas.nearest_cosines
    st.subheader(t("How near is the nearest picture?"))
    if not len(cosines):
        st.caption(t("There is no other picture in this gallery."))
        return
    asked = question(view)
    fragments = ["atlas_lines", *(["atlas_explore"] if colours_follow else [])]

    (low, high), decimals = _axis(view, asked), _decimals(asked)

    def anew() -> None:
        st.rerun(fragments)

    if asked is not None:
        meanings.strictness_control(then=None)
    now = settings.bound(
        st.slider,
        t("Alike from this cosine up"),
        low,
        high,
        step=10.0**-decimals,
        format=f"%.{decimals}f",
        key=_KEY if asked is None else lines.key(asked.method, asked.options),
        default=_UNMEASURED_LINE if asked is None else lines.usual(asked),
        before=anew,
    )
    above = cosines >= now
    _show_histogram(view, now, (low, high))
    _say(view, int(above.sum()), now)
    if above.any():
        st.button(
            t("Show them on the map"), key="atlas_above", icon=":material/my_location:",
            on_click=_choose_above, args=(view, now),
        )  # fmt: skip
    links.write()


def _axis(view: View, asked: Question | None) -> tuple[float, float]:
    """Ends of the slider, and of the histogram above it."""
    if asked is not None:  # the line has sliders on other pages too, and must fit on each
        low, high = sorted(asked.method.scale_with(asked.options).axis)
        return float(low), float(high)
    lowest = min(line(view), float(view.atlas.nearest_cosines.min()))
    return (-1.0 if lowest < 0 else 0.0), 1.0


def _decimals(asked: Question | None) -> int:
    return 2 if asked is None else asked.method.scale_with(asked.options).decimals


def _choose_above(view: View, now: float) -> None:
    above = view.atlas.measured[view.atlas.nearest_cosines >= now]
    choose(view, "line", above, scroll=True)
    st.rerun(["atlas_explore"])


def _say(view: View, above: int, now: float) -> None:
    asked, count = question(view), len(view.atlas.measured)
    told = t(
        "**{above} of {count} pictures** have another one above the line at {line}.",
        above=f"{above:,}",
        count=f"{count:,}",
        line=f"{now:.{_decimals(asked)}f}",
    )
    if view.atlas.is_sampled:
        told += " " + t(
            "These {count} were drawn at random from all {all}, and compared with all of them.",
            count=f"{count:,}",
            all=f"{len(view.atlas):,}",
        )
    st.markdown(told)
    if asked is None:
        st.caption(
            t("Cosine of the model's two vectors: 1 for the same direction, -1 for opposite.")
        )
        return
    notes = [
        t(
            "Cosine of two vectors of {model}: 1 for the same direction, -1 for opposite.",
            model=asked.method.label,
        )
    ]
    rate = lines.strictness().rate
    others = rate * (len(view.atlas) - 1)
    if now == lines.usual(asked) and others >= 1:
        notes.append(
            t(
                "Here about {share} % of unrelated pairs pass the line, so that each picture has "
                "some {others} unrelated ones above it in a gallery of this size: move it up to "
                "find copies.",
                share=f"{100 * rate:g}",
                others=round(others),
            )
        )
    st.caption(" ".join(notes))


def _show_histogram(view: View, now: float, axis: tuple[float, float]) -> None:
    edges = np.linspace(*axis, _BINS + 1)
    # What lies beyond the axis is counted at its end
    counts, _ = np.histogram(np.clip(view.atlas.nearest_cosines, *axis), edges)
    middles = (edges[:-1] + edges[1:]) / 2
    figure = go.Figure()
    figure.add_bar(
        x=middles, y=counts, width=edges[1] - edges[0],
        marker_color=[ABOVE if middle >= now else BELOW for middle in middles],
        hovertemplate="%{x:.2f}: %{y}<extra></extra>",
    )  # fmt: skip
    figure.add_vline(now, line_color=_LINE, line_width=3)
    figure.update_layout(
        height=_HEIGHT,
        margin={"l": _INSET, "r": _INSET, "t": 8, "b": 8},
        bargap=0.05,
        showlegend=False,
        xaxis_title=t("Cosine to the nearest other picture · more alike →"),
        # Under the slider's own axis: the line stands below its thumb
        xaxis={"range": list(axis)},
        yaxis={"ticklabelposition": "inside top", "automargin": False, "nticks": 4},
    )
    st.plotly_chart(
        figure, key="atlas_histogram", config={"displayModeBar": False},
        alt=t("How many pictures have their nearest one at which cosine"),
    )  # fmt: skip
