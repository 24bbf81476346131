"""OpenVINO is used without its telemetry."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
from imgsim_core.models.openvino_alone import openvino_alone
openvino_alone()
from openvino.tools.ovc import convert_impl, main, telemetry_utils
print(*{module.tm.__name__ for module in (convert_impl, main, telemetry_utils)})
"""


def test_openvino_takes_its_stand_in_for_telemetry():
    told = subprocess.run(
        [sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True
    ).stdout
    assert told.split() == ["openvino.tools.ovc.telemetry_stub"]
