"""Routes of the app."""

from django.urls import path

from webapp.networks import explain_views, package_views, registry_views, views

app_name = "networks"
urlpatterns = [
    path("networks/", registry_views.network_list, name="network-list"),
    path("networks/<uuid:pk>/", views.network_detail, name="network-detail"),
    path("networks/<uuid:pk>/describe/", registry_views.network_describe, name="network-describe"),
    path("networks/<uuid:pk>/archive/", registry_views.network_archive, name="network-archive"),
    path("networks/import/", package_views.network_import, name="network-import"),
    path("networks/<uuid:pk>/network.zip", package_views.network_package, name="network-package"),
    path("networks/<uuid:pk>/card.json", views.network_card, name="network-card"),
    path("datasets/<uuid:pk>/frames/<int:index>/why/", explain_views.frame_why, name="frame-why"),
    path("datasets/<uuid:pk>/frames/<int:index>/why/ask/", explain_views.frame_ask_why, name="frame-ask-why"),
    path("datasets/<uuid:pk>/frames/<int:index>/why/heat.bin", explain_views.frame_heat, name="frame-heat"),
    path("datasets/<uuid:pk>/learn/networks/", views.dataset_offers, name="dataset-offers"),
    path("datasets/<uuid:pk>/learn/", views.dataset_learn, name="dataset-learn"),
]
