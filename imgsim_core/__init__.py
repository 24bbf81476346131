"""How alike two images are, by many notions of likeness; no user interface in here."""
