from django.apps import AppConfig


class ExploreConfig(AppConfig):
    """The app of maps and clusters."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "webapp.explore"
