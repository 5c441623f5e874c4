#!/usr/bin/env python
"""Run Fringe's commands: `up`, `demo`, `sort`, `test` settings and Django's own."""

import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(str(error))  # a setting that makes no sense: one line, no traceback
