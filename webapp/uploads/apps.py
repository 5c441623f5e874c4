from django.apps import AppConfig


class UploadsConfig(AppConfig):
    """The app of resumable uploads."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "webapp.uploads"
