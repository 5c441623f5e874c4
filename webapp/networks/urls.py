"""Routes of the app."""

from django.urls import path

from webapp.networks import views

app_name = "networks"
urlpatterns = [
    path("networks/", views.network_list, name="network-list"),
    path("networks/<uuid:pk>/", views.network_detail, name="network-detail"),
    path("networks/<uuid:pk>/card.json", views.network_card, name="network-card"),
    path("datasets/<uuid:pk>/learn/", views.dataset_learn, name="dataset-learn"),
]
