"""`manage.py reap`: take back the shards of lost workers, and ring for those that wait, for ever."""

import logging
import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import Error, connection

from webapp.jobs.lifecycle import reap

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    """The reaper."""

    help = "Take back the shards of lost workers and ring for those that wait."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="one sweep, then end")

    def handle(self, *args: Any, once: bool, **options: Any) -> None:
        while True:
            try:
                reap()
            except Error:
                logger.exception("The sweep failed; the next one tries again.")
                connection.close()
            if once:
                return
            time.sleep(settings.REAP_EVERY_S)
