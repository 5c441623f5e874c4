from django.apps import AppConfig


class LabelsConfig(AppConfig):
    """The app of classes and labels."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "webapp.labels"

    def ready(self) -> None:
        """Let other pages name frames by their label."""
        from webapp.labels.scopes import register

        register()
