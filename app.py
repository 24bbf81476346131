"""The door: `streamlit run app.py`, or any ASGI server with `app:app`.

The script of the pages is pages/parts/main.py and not this file: Streamlit takes a folder
named pages beside the script for its old automatic menu, and then a visitor who comes first
by a deep link would get that menu instead of the app.
"""

from __future__ import annotations

import sys
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from starlette.routing import Route

HERE = Path(__file__).parent
if str(HERE) not in sys.path:  # an ASGI server need not have been started in this folder
    sys.path.insert(0, str(HERE))

from imgsim_core.errors import BadSetting  # noqa: E402 - needs the path above
from pages.parts import guard, logs, metrics, oops, preloading, server  # noqa: E402

st.secrets.load_if_toml_exists()  # a host may keep settings there
logs.begin()
try:
    server.check_settings()
except BadSetting as error:
    sys.exit(f"imgsim: {error}")  # or the server would start, and answer nothing

guard.close_the_doors()
MAIN = HERE / "pages" / "parts" / "main.py"
server.settle_search_path(MAIN)
app = st.App(
    str(MAIN),
    routes=[Route("/api/ready", server.ready)],
    middleware=[
        Middleware(metrics.CountRequests),
        Middleware(server.SecurityHeaders),
        Middleware(guard.Guard),
        Middleware(preloading.Preloading),
        Middleware(server.CompressStatic),
    ],
    lifespan=server.lifespan,
    on_script_error=oops.apologise,
)
