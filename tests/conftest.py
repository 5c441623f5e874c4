"""Fixtures that many tests share; imports of Django stay inside, so that science is tested without it."""
