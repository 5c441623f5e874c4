from django.apps import AppConfig


class JobsConfig(AppConfig):
    """The app of jobs, shards and products."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "webapp.jobs"
