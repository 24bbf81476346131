"""Whether this host offers face recognition at all: off, unless it says so."""

from __future__ import annotations

import os

from imgsim_core.errors import BadSetting, FacesOff
from imgsim_core.text import Text, UserText

SETTING = "IMGSIM_FACES"


def is_on() -> bool:
    """Tell whether the host has switched face recognition on.

    Raises
    ------
    BadSetting
        If the setting is neither 1 nor 0.
    """
    value = os.environ.get(SETTING, "").strip()
    if value not in ("", "0", "1"):
        raise BadSetting(
            Text("IMGSIM_FACES is 1 for on or 0 for off, not {value}.", value=UserText(value))
        )
    return value == "1"


def check_on() -> None:
    """Refuse where it is off.

    Raises
    ------
    FacesOff
        With the reason, for a visitor.
    BadSetting
        As `is_on`.
    """
    if not is_on():
        raise FacesOff(
            Text(
                "This server has not switched face recognition on. Faces are biometric data: in "
                "many places they may be processed only with the consent of everybody shown, "
                "and a host has to answer for that. So it is off until the host decides."
            )
        )
