from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """The app of people and groups."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "webapp.accounts"
