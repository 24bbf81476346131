"""Objects: find one in a scene, name one in words, learn some from a handful of examples."""
