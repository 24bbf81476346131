"""Which picture of a group is kept: the visitor's rule; and the plan that follows from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from imgsim_core.gallery.duplicates import Report
from imgsim_core.gallery.groups import Group
from imgsim_core.gallery.keeping import (
    USUAL_ORDER,
    Criterion,
    Rule,
    Step,
    plan,
    plan_as_csv,
    plan_as_json,
    plan_as_script,
)
from pages.parts import grouping_marks, settings
from pages.parts.language import plain, t

_ORDER, _REFERENCE = "duplicates.order", "duplicates.reference"


def show(with_plan: bool = True) -> Rule:
    """Draw the rule as an ordered list to change; the first that tells pictures apart decides.

    Parameters
    ----------
    with_plan : bool
        Whether a plan follows, which may leave some files where they are.
    """
    usual = [one.value for one in USUAL_ORDER]
    codes = settings.bound(
        st.multiselect,
        t("What makes a picture worth keeping, the most important first"),
        usual,
        key=_ORDER,
        default=usual,
        format_func=lambda code: plain(Criterion(code).label),
        help=t("Take one away with its cross; what you choose next comes last."),
    )
    chosen = tuple(Criterion(code) for code in codes or [] if code in usual)
    if not with_plan:
        return Rule(chosen)
    reference = settings.bound(
        st.text_input,
        t("Never set aside files whose name starts with"),
        key=_REFERENCE,
        default="",
        max_chars=200,
        placeholder="originals/",
    )
    return Rule(chosen, reference or "")


def show_plan(report: Report, groups: Sequence[Group], rule: Rule) -> None:
    """Draw the downloads of the plan; it is worked out when one is clicked."""
    chosen = grouping_marks.kept()

    def written(form: Callable[[Sequence[Step]], str], mark: str = "") -> Callable[[], bytes]:
        def make() -> bytes:
            entries = {key: one.without_addresses() for key, one in report.entries.items()}
            steps = plan(groups, entries, rule, chosen)
            # Names of files may hold what UTF-8 has no letters for
            return (mark + form(steps)).encode("utf-8", "replace")

        return make

    st.markdown(
        t(
            "**Nothing is deleted here.** A plan is a file for you to read: it says of each file "
            "whether to keep it. The shell script moves the others into a folder “duplicates”; "
            "you run it, or you do not."
        )
    )
    with st.container(horizontal=True):
        for name, mime, label, make in (
            ("plan.csv", "text/csv", t("Plan as a table (CSV)"), written(plan_as_csv, "\ufeff")),
            ("plan.json", "application/json", t("Plan as JSON"), written(plan_as_json)),
            ("plan.sh", "text/x-shellscript", t("Plan as a shell script"), written(plan_as_script)),
        ):
            st.download_button(
                label,
                make,
                f"imgsim-{name}",
                mime,
                key=f"duplicates_{name}",
                icon=":material/download:",
                on_click="ignore",
            )
