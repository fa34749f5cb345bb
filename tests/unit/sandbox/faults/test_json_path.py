import copy

import pytest

from airflow_provider_ard.sandbox.faults.json_path import drop_value, parse_path, rename_key, set_value

DOCUMENT = {"data": [{"id": "1", "order": {"metadata": {"a": 1}}}, {"id": "2"}], "has_more": False}


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("$", ()),
        ("", ()),
        ("id", ("id",)),
        ("$.data[*].id", ("data", "[*]", "id")),
        ("data[1].order", ("data", 1, "order")),
        ("[0]", (0,)),
    ],
)
def test_parse_path(path, steps):
    assert parse_path(path) == steps


@pytest.mark.parametrize("path", ["data[", "data[x]", "a..b", "a.[0"])
def test_invalid_path(path):
    with pytest.raises(ValueError, match="path"):
        parse_path(path)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("data[*].id", [True, True]),
        ("data[0].id", [True, "2"]),
        ("data[7].id", ["1", "2"]),
        ("data.id", ["1", "2"]),
        ("other.id", ["1", "2"]),
    ],
)
def test_set_value(path, expected):
    document = set_value(copy.deepcopy(DOCUMENT), parse_path(path), True)
    assert [row["id"] for row in document["data"]] == expected


def test_set_adds_keys_and_replaces_items_and_documents():
    document = copy.deepcopy(DOCUMENT)
    assert set_value(document, parse_path("data[1].order"), {})["data"][1]["order"] == {}
    assert set_value(document, parse_path("data[*]"), 0)["data"] == [0, 0]
    assert set_value(document, parse_path("$"), []) == []


def test_drop_value():
    document = copy.deepcopy(DOCUMENT)
    assert drop_value(document, parse_path("data[*].order.metadata"))["data"][0] == {"id": "1", "order": {}}
    assert drop_value(document, parse_path("data[0]"))["data"] == [{"id": "2"}]
    assert drop_value(document, parse_path("data[*]"))["data"] == []
    assert drop_value(document, parse_path("data")) == {"has_more": False}
    assert drop_value(document, parse_path("$")) is None


def test_rename_key():
    document = rename_key(copy.deepcopy(DOCUMENT), parse_path("data[*].id"), "order_id")
    assert [row["order_id"] for row in document["data"]] == ["1", "2"]
    assert rename_key(document, parse_path("missing"), "x") == document
