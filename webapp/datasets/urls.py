"""Routes of the app."""

from django.urls import path

from webapp.datasets import relink_views, views

app_name = "datasets"
urlpatterns = [
    path("datasets/register/", views.dataset_register, name="dataset-register"),
    path("datasets/browse/", views.folder_browse, name="folder-browse"),
    path("datasets/<uuid:pk>/draft/", views.dataset_draft, name="dataset-draft"),
    path("datasets/<uuid:pk>/choose/", views.dataset_choose, name="dataset-choose"),
    path("datasets/<uuid:pk>/confirm/", views.dataset_confirm, name="dataset-confirm"),
    path("datasets/<uuid:pk>/look-again/", relink_views.dataset_look_again, name="dataset-look-again"),
    path("datasets/<uuid:pk>/relink/", relink_views.dataset_relink, name="dataset-relink"),
    path("datasets/<uuid:pk>/discard/", views.dataset_discard, name="dataset-discard"),
]
