"""Cells that a spreadsheet takes for words, whatever they hold."""

from __future__ import annotations

import re

# A table is often opened with another separator than it was written with, and then a cell
# begins anew behind it, quotes and all; a line break within a cell may be taken for the end
# of its row. Signs in full width are read as the others by some programs.
_FORMULA = re.compile(r"""(^|[;|\t\r\n])(?=(?:[^\S\t\r\n]|")*[-=+@＝＋－＠])|^(?=[\t\r\n])""")


def harmless(value: object) -> object:
    """Keep a spreadsheet from taking a text, or a part of it, for a formula.

    Parameters
    ----------
    value : object
        Of a cell.

    Returns
    -------
    object
        A string with an apostrophe before whatever begins as a formula does, at its start
        and behind what another program may take for a separator; any other value itself.

    Notes
    -----
    Follows OWASP's page on CSV injection, which asks to look behind separators too.
    """
    return _FORMULA.sub(r"\1'", value) if isinstance(value, str) else value
