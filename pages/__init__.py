"""One visitor task a file; what pages share is in `pages.parts`."""
