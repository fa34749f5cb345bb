import pytest


def _pages(api, **query):
    """Follow starting_after to the end."""
    ids, after = [], ""
    while True:
        page = api.get("/order/", starting_after=after, **query).json()
        ids += [order["id"] for order in page["data"]]
        if not page["has_more"]:
            return ids
        after = ids[-1]


def test_pages_are_newest_first(ard, api):
    placed = [api.order(metadata={"n": n}).json()["id"] for n in range(250)]
    assert _pages(api, limit=100, ending_before="", start_date="", end_date="") == placed[::-1]
    assert _pages(api) == placed[::-1]
    page = api.get("/order", limit=100, ending_before=placed[100]).json()
    assert [order["id"] for order in page["data"]] == placed[101:201][::-1]
    assert page["has_more"]
    assert api.get("/order", ending_before=placed[-1]).json() == {"data": [], "has_more": False}
    assert len(api.get("/order", limit=100, starting_after=placed[100]).json()["data"]) == 100
    assert not api.get("/order", limit=100, starting_after=placed[100]).json()["has_more"]


def test_filters(ard, api):
    tag = "run: manual__2026-01-01T00:00:00+00:00"
    first = api.order(metadata={"airflow_run": tag, "n": 1}).json()["id"]
    second = api.order(metadata={"airflow_run": "other", "n": 2, "tags": ["a", "b"], "deep": {"x": True}}).json()["id"]
    ard.fail_order(second, "no")

    def matching(*filters):
        return [order["id"] for order in api.get("/order", filter=list(filters)).json()["data"]]

    assert matching(f"metadata.airflow_run:{tag}") == [first]
    assert matching("metadata.n:2") == [second]
    assert matching("metadata.tags:b") == [second]
    assert matching("metadata.deep.x:true") == [second]
    assert matching("metadata.none:1") == []
    assert matching("status:FAILED") == [second]
    assert matching("status:FAILED", "metadata.n:1") == []


def test_dates(ard, api):
    order = api.order().json()
    today = order["created"][:10]
    for query, count in (
        ({"start_date": today}, 1),
        ({"end_date": today}, 1),
        ({"start_date": order["created"], "end_date": order["created"]}, 1),
        ({"start_date": "2999-01-01"}, 0),
        ({"end_date": "2000-01-01"}, 0),
    ):
        assert len(api.get("/order", **query).json()["data"]) == count, query


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "101"},
        {"limit": "0"},
        {"limit": "many"},
        {"starting_after": "1"},
        {"start_date": "yesterday"},
        {"filter": "metadata.key"},
        {"filter": "color:red"},
        {"page": "2"},
    ],
)
def test_invalid_queries_are_400(api, query):
    response = api.get("/order", **query)
    assert response.status_code == 400
    assert response.json()["code"] == "invalid_parameters"
