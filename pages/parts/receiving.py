"""What a visitor has just given to an uploader of many files, each file once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st


def key_of(name: str) -> str:
    """Key of an uploader as it stands now; one that has been emptied gets another."""
    return f"file_{name}_{st.session_state.get(f'turn_{name}', 0)}"


def take(name: str) -> Sequence[Any]:
    """Take the files out of an uploader, in its callback, and leave it empty.

    Parameters
    ----------
    name : str
        As given to `key_of`.

    Returns
    -------
    sequence of UploadedFile
        Those not taken before: the browser may send the same files again to the uploader
        that replaces this one.
    """
    seen: set[str] = st.session_state.setdefault("files_seen", set())
    files = [file for file in st.session_state[key_of(name)] if file.file_id not in seen]
    if not files:
        return ()
    seen.update(file.file_id for file in files)
    # A new key empties the uploader, and the server lets go of the files
    st.session_state[f"turn_{name}"] = st.session_state.get(f"turn_{name}", 0) + 1
    return files
