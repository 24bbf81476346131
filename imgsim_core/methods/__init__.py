"""One file a family, each ending in METHODS."""
