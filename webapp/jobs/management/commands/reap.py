"""`manage.py reap`: take back the shards of lost workers, and ring for those that wait, for ever.

Every ten minutes it tells the apps that it is time to tidy up.
"""

import logging
import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import Error, connection

from webapp.jobs.lifecycle import reap
from webapp.jobs.signals import swept, tidying

logger = logging.getLogger(__name__)

TIDY_EVERY_S = 600


class Command(BaseCommand):
    """The reaper."""

    help = "Take back the shards of lost workers and ring for those that wait."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="one sweep, then end")

    def handle(self, *args: Any, once: bool, **options: Any) -> None:
        next_tidying = time.monotonic()
        while True:
            try:
                reap()
                swept.send_robust(sender=Command)
                if time.monotonic() >= next_tidying:
                    next_tidying += TIDY_EVERY_S
                    tidying.send_robust(sender=Command)  # it logs what goes wrong in an app
            except Error:
                logger.exception("The sweep failed; the next one tries again.")
                connection.close()
            if once:
                return
            time.sleep(settings.REAP_EVERY_S)
