"""Teach the app a notion of alike: groups of pictures in, a small network out, judged honestly."""
