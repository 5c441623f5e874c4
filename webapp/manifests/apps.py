from django.apps import AppConfig


class ManifestsConfig(AppConfig):
    """The app of manifests."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "webapp.manifests"

    def ready(self) -> None:
        """Let scopes speak of classes as a manifest has them."""
        from webapp.manifests.frozen import register

        register()
