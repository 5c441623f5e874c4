"""What every page's frame shows."""

from django.http import HttpRequest

from webapp.accounts.models import Group
from webapp.jobs.models import Job


def chrome(request: HttpRequest) -> dict:
    """Return the groups and the number of active jobs of the person who looks."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {}
    return {
        "my_groups": Group.objects.for_user(user),
        "n_active_jobs": Job.objects.for_user(user).active().distinct().count(),
    }
