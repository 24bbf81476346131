"""Cells that a spreadsheet takes for words, whatever they begin with."""

from __future__ import annotations

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def harmless(value: object) -> object:
    """Keep a spreadsheet from taking a text for a formula.

    Parameters
    ----------
    value : object
        Of a cell.

    Returns
    -------
    object
        A string that begins as a formula does, behind an apostrophe; else the value itself.
    """
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
