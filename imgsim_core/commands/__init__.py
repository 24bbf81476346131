"""Commands of `python -m imgsim_core`, one a file; each offers `add(commands)`."""
