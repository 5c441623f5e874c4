"""What the form of a manifest and the Download page show of promises and audits."""

from typing import Any

from django import template

from webapp.manifests.promise_page import AuditRow, audit_rows, audited_fields, form_context

register = template.Library()


@register.simple_tag(takes_context=True)
def promise_context(context: dict[str, Any]) -> dict[str, Any]:
    """Return what the fields of a promise and its rows show, as the form is filled."""
    request = context["request"]
    data = request.POST if request.method == "POST" else request.GET
    return form_context(context["dataset"], request.user, data)


@register.simple_tag(takes_context=True)
def audits(context: dict[str, Any]) -> list[AuditRow]:
    """Return the audits of the data set's promised classes."""
    return audit_rows(context["dataset"])


@register.simple_tag(takes_context=True)
def manifest_with_audits(context: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the fields of a form that asks for a manifest with the purities that audits have proved."""
    return audited_fields(context["dataset"])


@register.filter
def whole_percent(share: float) -> str:
    """Write an estimate as whole per cent."""
    return f"{100 * share:.0f}"


@register.filter
def percent(share: float) -> str:
    """Write a share as per cent, as exactly as is honest."""
    return f"{100 * share:.1f}".removesuffix(".0")
