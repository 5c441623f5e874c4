from django.apps import AppConfig


class PortalConfig(AppConfig):
    """The app of home, data set pages and the line."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "webapp.portal"

    def ready(self) -> None:
        """Let scopes name groups of any result."""
        from webapp.portal.member_scope import register

        register()
