"""The least that Django can answer, as a measure for what a page adds: `gunicorn benchmarks.bare_django`."""

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path

settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["127.0.0.1"], SECRET_KEY="of no use", MIDDLEWARE=[])


def nothing(request: HttpRequest) -> HttpResponse:
    """Answer that there is nothing to answer."""
    return HttpResponse(status=204)


urlpatterns = [path("<path:anything>", lambda request, anything: nothing(request))]
application = get_wsgi_application()
