"""The Connection form and its test."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect

from airflow_provider_ard.get_provider_info import ARD_CONNECTION
from demo.browser import add_connection, new_connection, press_test
from tests.browser.conftest import CONNECTION

pytestmark = pytest.mark.timeout(600)


CREDENTIALS = {"gs://my-bucket": "our-stored-credentials"}


def test_form_contains_labels_and_descriptions(stack, page):
    form = new_connection(page, stack.airflow.url, CONNECTION)
    for label in ("API address", "Port", "User name", "Password"):
        expect(form.get_by_label(label, exact=True)).to_be_visible()
    expect(form.get_by_label("Schema")).to_have_count(0)
    form.get_by_role("button", name="Extra Fields", exact=True).click()
    for field in ARD_CONNECTION["conn-fields"].values():
        expect(form).to_contain_text(field["label"])
        expect(form).to_contain_text(field["description"])


def test_connection_is_added_and_tested(stack, page):
    add_connection(page, stack.airflow.url, CONNECTION, stack.ard, extras={"credentials_ids": json.dumps(CREDENTIALS)})
    assert press_test(page, CONNECTION) == "Logged in as user@sandbox.example, account 7001. Balance: no limit."
    extra = json.loads(stack.airflow.api.get(f"/connections/{CONNECTION}")["extra"])
    assert json.loads(extra["credentials_ids"]) == CREDENTIALS


def test_wrong_password_names_the_field_to_check(stack, page):
    add_connection(page, stack.airflow.url, "ard_wrong", stack.ard, password="wr0ng")
    assert press_test(page, "ard_wrong").endswith("Check: User name or Password.")
