"""Formulas as people can read them: each of their parts on a line of its own."""

from __future__ import annotations

import re

import streamlit as st

_BETWEEN = re.compile(r"[,;]?\s*\\q?quad\s*")


def show(formula: str) -> None:
    """Draw a formula; in a narrow column one long line would run out of sight.

    Parameters
    ----------
    formula : str
        LaTeX, its parts separated by a quad.
    """
    lines = _BETWEEN.split(formula)
    if len(lines) > 1:
        formula = r"\begin{gathered} " + r" \\[.6em] ".join(lines) + r" \end{gathered}"
    st.latex(formula)
