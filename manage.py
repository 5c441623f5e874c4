#!/usr/bin/env python
"""Run Fringe's commands: `up`, `demo`, `sort`, `test` settings and Django's own."""

import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
