"""What every page's frame shows."""

from django.http import HttpRequest

from webapp.accounts.models import Group
from webapp.jobs.models import Job
from webapp.notices.selectors import n_unread


def chrome(request: HttpRequest) -> dict:
    """Return the groups of the person who looks, and how many jobs are active and notices unread."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {}
    return {
        "my_groups": Group.objects.for_user(user),
        "n_unread": n_unread(user),
        "n_active_jobs": Job.objects.for_user(user).active().distinct().count(),
    }
