"""Routes of the app."""

from django.urls import path

from webapp.datasets import data_views, hit_views, relink_views, views

app_name = "datasets"
urlpatterns = [
    path("datasets/<uuid:pk>/recipe/", data_views.dataset_recipe, name="dataset-recipe"),
    path("datasets/<uuid:pk>/recipe/plan/", data_views.recipe_plan, name="recipe-plan"),
    path("plans/<uuid:pk>/", data_views.recipe_preview, name="recipe-preview"),
    path("datasets/<uuid:pk>/condense/", data_views.dataset_condense, name="dataset-condense"),
    path("datasets/<uuid:pk>/condensation/", data_views.condensation_choose, name="condensation-choose"),
    path("datasets/<uuid:pk>/masks/", data_views.mask_save, name="mask-save"),
    path("datasets/<uuid:pk>/masks/<int:version>.bin", data_views.mask_bits, name="mask-bits"),
    path("products/<uuid:pk>/reasons.bin", data_views.mask_reasons, name="mask-reasons"),
    path("datasets/<uuid:pk>/refresh/", data_views.data_refresh, name="data-refresh"),
    path("datasets/<uuid:pk>/columns/", hit_views.dataset_columns, name="dataset-columns"),
    path("datasets/<uuid:pk>/hits/", hit_views.dataset_hits, name="dataset-hits"),
    path("datasets/<uuid:pk>/hits/save/", hit_views.hits_save, name="hits-save"),
    path("datasets/register/", views.dataset_register, name="dataset-register"),
    path("datasets/browse/", views.folder_browse, name="folder-browse"),
    path("datasets/<uuid:pk>/draft/", views.dataset_draft, name="dataset-draft"),
    path("datasets/<uuid:pk>/choose/", views.dataset_choose, name="dataset-choose"),
    path("datasets/<uuid:pk>/confirm/", views.dataset_confirm, name="dataset-confirm"),
    path("datasets/<uuid:pk>/look-again/", relink_views.dataset_look_again, name="dataset-look-again"),
    path("datasets/<uuid:pk>/relink/", relink_views.dataset_relink, name="dataset-relink"),
    path("datasets/<uuid:pk>/discard/", views.dataset_discard, name="dataset-discard"),
]
