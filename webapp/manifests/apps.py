from django.apps import AppConfig


class ManifestsConfig(AppConfig):
    """The app of manifests."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "webapp.manifests"
