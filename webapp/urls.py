"""All pages, by app."""

from django.urls import include, path

urlpatterns = [
    path("", include("webapp.portal.urls")),
    path("", include("webapp.accounts.urls")),
    path("", include("webapp.jobs.urls")),
    path("", include("webapp.notices.urls")),
    path("", include("webapp.datasets.urls")),
    path("", include("webapp.uploads.urls")),
    path("", include("webapp.networks.urls")),
    path("", include("webapp.explore.urls")),
    path("", include("webapp.labels.urls")),
    path("", include("webapp.manifests.urls")),
    path("", include("webapp.live.urls")),
]

handler500 = "webapp.portal.views.server_error"
