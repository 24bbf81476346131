"""OpenVINO without its telemetry: nothing is sent, and no process is forked to send it.

Its converter reports each use to its makers, from processes that it forks. Nothing leaves
this host, and a server with many threads that forks may stop for ever.
"""

from __future__ import annotations

import sys
from typing import Any


def openvino_alone() -> Any:
    """Import OpenVINO such that it takes its own stand-in for telemetry.

    Returns
    -------
    module

    Raises
    ------
    ImportError
        If it is not installed.
    """
    # None makes the import fail, which OpenVINO is prepared for
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino
