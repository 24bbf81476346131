"""Products: which entry of a shop's catalogue does a photograph show, if any?"""

from __future__ import annotations

import streamlit as st

from imgsim_core.errors import ImgSimError
from pages.parts import (
    products_answer,
    products_batch,
    products_catalogue,
    products_photographs,
    products_weights,
    teaching_handover,
)
from pages.parts.language import say, t

st.title(t("Which product is this?"))
st.markdown(
    t(
        "A photograph from a shelf, a shop's catalogue: the same product, the same kind, the "
        "same item in another colour, or not in the catalogue at all."
    )
)
products_catalogue.style()
try:
    catalogue = products_catalogue.show_bar()
    if catalogue is not None:
        photographs = products_photographs.show(catalogue)
        if len(photographs) == 1:
            products_weights.show()
            products_answer.show(catalogue, photographs[0])
        elif photographs:
            products_weights.show()
            products_batch.show(catalogue, photographs)
        teaching_handover.offer_products(catalogue)
except ImgSimError as error:
    st.error(say(error.text), icon=":material/error:")
st.caption(
    t(
        "Catalogue and photographs stay in this server's memory while you use the page and are "
        "removed shortly after. Nothing is written to disk, nothing is sent on."
    )
)
