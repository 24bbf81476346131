"""What it is good for: products, objects, faces; each file or room knows nothing of the others."""
