from django.apps import AppConfig


class ExploreConfig(AppConfig):
    """The app of maps and clusters."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "webapp.explore"

    def ready(self) -> None:
        """Let scopes name the parts of a tree."""
        from webapp.explore import tree_scope  # noqa: F401 - it registers itself
