"""Tell docker whether a container does its work: `web` answers its sign-in page, others reach their servers.

That a worker itself hangs is not seen here; the lease of its shard runs out, and another one takes it.
"""

import http.client
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")


def check_web() -> None:
    """Fail unless the sign-in page is served."""
    import django
    from django.conf import settings
    from django.urls import reverse

    django.setup()
    headers = {"Host": settings.ALLOWED_HOSTS[0].lstrip(".*") or "localhost"}
    if settings.HTTPS:
        headers["X-Forwarded-Proto"] = "https"
    connection = http.client.HTTPConnection("127.0.0.1", 8000, timeout=5)
    connection.request("GET", reverse("accounts:login"), headers=headers)
    status = connection.getresponse().status
    if status != 200:
        sys.exit(f"The sign-in page answers {status}.")


def check_servers() -> None:
    """Fail unless database and broker answer."""
    import django

    django.setup()
    from django.db import connection

    from webapp.supervisor.group import broker_client

    connection.ensure_connection()
    broker_client().ping()


if __name__ == "__main__":
    check_web() if sys.argv[1:] == ["web"] else check_servers()
