"""A gallery: many pictures that are kept, searched, freed of duplicates and mapped."""
