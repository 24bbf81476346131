"""How alike two images are, by many notions of likeness; no user interface in here."""

__version__ = "0.1.0"
