"""A network that tells shapes apart whatever their size, learned from random particles once and for all."""
