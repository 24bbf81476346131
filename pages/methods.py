"""Methods: what each one sees, what it is blind to, its formula, its cost here."""

from __future__ import annotations

import streamlit as st

from imgsim_core.method import Family
from pages.parts import handbook, handbook_siamese
from pages.parts.language import t

st.title(t("The methods"))
st.markdown(
    t(
        "No method is best: each answers its own question. Choose by what alike means to you, "
        "then read what the method is blind to."
    )
)
handbook.show_chooser()
family = handbook.choose_family()
if family is Family.SEMANTICS:
    handbook_siamese.show()
for method in handbook.methods_of_choice(family):
    handbook.show_method(method)
