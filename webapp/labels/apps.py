from django.apps import AppConfig


class LabelsConfig(AppConfig):
    """The app of classes and labels."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "webapp.labels"
