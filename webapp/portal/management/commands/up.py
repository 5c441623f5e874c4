"""`manage.py up`: the portal as one supervised group, until Ctrl+C."""

import sys
import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from webapp.accounts.models import User
from webapp.supervisor.broker import NoBrokerError
from webapp.supervisor.group import AlreadyRunningError, PortTakenError, ProcessGroup, Stopped


class Command(BaseCommand):
    """Start everything."""

    help = "Start web, workers, reaper and Redis; Ctrl+C ends them all."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with ProcessGroup(address=settings.ADDRESS, say=self.stderr.write) as group:
                self.stdout.write(f"Fringe serves at http://{settings.ADDRESS} until Ctrl+C.")
                if not User.objects.exists():
                    self.stdout.write("Nobody can sign in yet: python manage.py adduser NAME --group GROUP")
                while True:
                    group.tend()
                    time.sleep(0.5)
        except (AlreadyRunningError, PortTakenError, NoBrokerError) as error:
            self.stderr.write(str(error))
            sys.exit(2)
        except Stopped:
            self.stdout.write("Stopped.")
