"""The form in which a person says what to be told of by mail."""

from typing import Any

from django import forms

from webapp.accounts.models import User
from webapp.notices.models import NoticeWish
from webapp.notices.services import wish_of


class WishForm(forms.Form):
    """Which mails, and where to."""

    when = forms.ChoiceField(label="Mail me about", choices=NoticeWish.When.choices)
    minutes = forms.IntegerField(label="Minutes", min_value=1, max_value=10_000)
    email = forms.EmailField(label="Address", required=False, max_length=254)

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        wish = wish_of(user)
        initial = {"when": wish.when, "minutes": wish.minutes, "email": user.email}
        super().__init__(*args, initial=initial, label_suffix="", **kwargs)
        for name, field in self.fields.items():
            field.widget.attrs["class"] = "form-select" if name == "when" else "form-control"

    def clean(self) -> dict[str, Any]:
        """Refuse to send mails nowhere."""
        values = super().clean()
        if (
            values.get("when") != NoticeWish.When.NEVER
            and not values.get("email")
            and "email" not in self.errors
        ):
            self.add_error("email", "Without an address no mail can be sent. Give one, or choose “nothing”.")
        return values
