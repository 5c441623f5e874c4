from django.apps import AppConfig


class DatasetsConfig(AppConfig):
    """The app of data sets."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "webapp.datasets"
