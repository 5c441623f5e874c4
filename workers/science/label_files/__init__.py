"""Labels from files that were downloaded here, or that other programs wrote."""
