"""Learned models: a catalogue of them as data, their weights, and one way to run them."""
