"""Routes of the app."""

from django.urls import path

from webapp.portal import result_views, views

app_name = "portal"
urlpatterns = [
    path("", views.home, name="home"),
    path("help/", views.help_page, name="help"),
    path("groups/<uuid:pk>/", views.group_detail, name="group-detail"),
    path("datasets/<uuid:pk>/", views.dataset_detail, name="dataset-detail"),
    path("datasets/<uuid:pk>/line/", views.dataset_line, name="dataset-line"),
    path("datasets/<uuid:pk>/compare/", result_views.dataset_compare, name="dataset-compare"),
    path("datasets/<uuid:pk>/runs/", result_views.dataset_runs, name="dataset-runs"),
    path("datasets/<uuid:pk>/runs.csv", result_views.dataset_runs_csv, name="dataset-runs-csv"),
    path("datasets/<uuid:pk>/sort/", views.dataset_sort, name="dataset-sort"),
]
