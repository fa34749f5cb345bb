"""The extra fields of the Connection form in Airflow 2.11 to 3.1; later versions read them from the metadata."""

from __future__ import annotations

from typing import Any

from airflow_provider_ard.get_provider_info import ARD_CONNECTION


def form_widgets() -> dict[str, Any]:
    """Return the extra fields as wtforms fields."""
    from flask_appbuilder.fieldwidgets import BS3PasswordFieldWidget, BS3TextAreaFieldWidget, BS3TextFieldWidget
    from wtforms import PasswordField, StringField

    # Airflow drops the complete form for a TextAreaField; the widget alone renders a text area as well.
    kinds = {
        "password": (PasswordField, BS3PasswordFieldWidget),
        "multiline": (StringField, BS3TextAreaFieldWidget),
        None: (StringField, BS3TextFieldWidget),
    }
    widgets = {}
    for name, form in ARD_CONNECTION["conn-fields"].items():
        field, widget = kinds[form["schema"].get("format")]
        widgets[name] = field(form["label"], description=form["description"], widget=widget())
    return widgets
