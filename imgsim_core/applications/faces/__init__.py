"""Faces: find them, compare two, know enrolled people again; nothing is ever written down."""
