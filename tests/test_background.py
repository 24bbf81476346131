"""Work behind the page ends when the program does, and never takes it down."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

from imgsim_core.background import StopSign, in_background, leaving

ROOT = Path(__file__).parents[1]


def ended(program: str) -> tuple[int, str, float]:
    """Run a program; return its exit status, what it wrote, and the seconds it took."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr, time.monotonic() - began


def test_a_thread_is_waited_for_and_learns_that_the_program_is_leaving():
    program = (
        "import time\n"
        "from imgsim_core.background import StopSign, in_background, leaving\n"
        "stop = StopSign()\n"
        "def work():\n"
        "    print('began', leaving(), stop.is_set(), flush=True)\n"
        "    while not stop.is_set(): time.sleep(0.01)\n"
        "    print('ended', leaving(), flush=True)\n"
        "in_background(work, 'work')\n"
        "time.sleep(0.2)\n"
    )
    status, written, seconds = ended(program)
    assert status == 0
    assert written.splitlines() == ["began False False", "ended True"]
    assert seconds < 60


def test_a_calibration_under_way_ends_with_the_program_and_without_a_word():
    # A method that ships no reference, and takes its time
    program = (
        "import time\n"
        "from dataclasses import replace\n"
        "from imgsim_core import calibration\n"
        "from imgsim_core.comparison import Question\n"
        "from imgsim_core.registry import method_by_id\n"
        "method = method_by_id('histogram')\n"
        "def slowly(picture, options):\n"
        "    time.sleep(0.3)\n"
        "    return method.describe(picture, options)\n"
        "slow = replace(method, id='slow', describe=slowly)\n"
        "asked = Question(slow, slow.options())\n"
        "assert calibration.background_reference(asked) is None\n"
        "assert calibration.is_calibrating(asked)\n"
        "print('leaving')\n"
    )
    status, written, seconds = ended(program)
    assert (status, written) == (0, "leaving\n")
    assert seconds < 40  # all of it would be hundreds of pictures of 0.3 s


def test_here_nobody_is_leaving_and_a_stop_sign_is_an_event():
    stop, began = StopSign(), threading.Event()
    assert not leaving()
    assert not stop.is_set()
    stop.set()
    assert stop.is_set()
    stop.clear()
    assert not stop.is_set()
    thread = in_background(began.set, "quick")
    thread.join(10)
    assert began.is_set()
    assert not thread.daemon
