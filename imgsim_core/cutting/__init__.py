"""How a subject is found: where it is likely, by colours, by a network of the host's own."""
