"""The Celery app."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")

app = Celery("fringe", include=["workers.tasks.bell"])
app.config_from_object("django.conf:settings", namespace="CELERY")
