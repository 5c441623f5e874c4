"""Routes of the app."""

from django.urls import path

from webapp.jobs import views

app_name = "jobs"
urlpatterns = [
    path("jobs/", views.job_list, name="job-list"),
    path("jobs/<uuid:pk>/", views.job_detail, name="job-detail"),
    path("jobs/<uuid:pk>/curve.json", views.job_curve, name="job-curve"),
    path("jobs/<uuid:pk>/cancel/", views.job_cancel, name="job-cancel"),
    path("jobs/<uuid:pk>/retry/", views.job_retry, name="job-retry"),
    path("jobs/<uuid:pk>/start-over/", views.job_start_over, name="job-start-over"),
    path("products/<uuid:pk>/images/<str:name>", views.product_image, name="product-image"),
]
