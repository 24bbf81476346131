"""Text files as people bring them: whatever program wrote them, in whatever encoding."""

from __future__ import annotations

import codecs
import re


def decoded(data: bytes) -> tuple[str, str]:
    """Find out how a text was encoded, and decode it.

    Returns
    -------
    tuple of str
        "utf-8", "utf-16", "gb18030" or "cp1252", and the text without a byte order mark.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16", data.decode("utf-16", "replace")
    even, odd = data[:4096:2].count(0), data[1:4096:2].count(0)
    if max(even, odd) > len(data[:4096]) // 8:  # the empty halves of Latin letters
        order = "utf-16-le" if odd > even else "utf-16-be"
        return "utf-16", data.decode(order, "replace")
    try:
        return "utf-8", data.decode("utf-8-sig")
    except UnicodeDecodeError:
        if _looks_chinese(data):
            return "gb18030", data.decode("gb18030", "replace")
        return "cp1252", data.decode("cp1252", "replace")


def _looks_chinese(data: bytes) -> bool:
    """Tell whether bytes beyond ASCII come in pairs as common Chinese does.

    In Western text they stand alone among letters; in GBK both bytes of a common character
    lie beyond ASCII.
    """
    runs = re.findall(rb"[\x80-\xff]+", data[: 2**20])
    beyond = sum(map(len, runs))
    paired = sum(len(run) for run in runs if len(run) % 2 == 0)
    return paired > 0.7 * beyond
