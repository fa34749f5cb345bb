import pytest

from airflow_provider_ard.sandbox import Sandbox
from tests.unit.sandbox.conftest import Api

A = "1040010060C9AD00"


def _log_in(api, login, password):
    api.session.headers.pop("Authorization", None)
    fields = {"grant_type": "password", "username": login, "password": password}
    token = api.post("/auth/authenticate", data=fields).json()["access_token"]
    api.session.headers["Authorization"] = f"Bearer {token}"


@pytest.fixture
def member(ard):
    api = Api(ard)
    _log_in(api, *ard.member)
    yield api
    api.session.close()


def test_annual_limit_is_enforced():
    with Sandbox(order_duration=0, limits={"annual": 1000}) as ard:
        api = Api(ard)
        usage = api.order(dry_run=True).json()["usage"]
        cost = usage["cost"]["total_imagery_cost"]
        assert usage["limits"]["annual_subscription_fee_limit"] == 1000
        assert usage["available"]["total_imagery_balance"] == 1000
        for placed in range(1, int(1000 // cost) + 1):
            assert api.order().status_code == 200
            balance = api.get("/usage/account/7001").json()["usage"]["available"]["total_imagery_balance"]
            assert balance == pytest.approx(1000 - placed * cost, abs=0.05)
        for dry_run in (True, False):
            response = api.order(dry_run=dry_run)
            assert response.status_code == 400
            assert "annual subscription fee limit" in response.json()["message"]
        # Failed orders cost nothing.
        ard.fail_order(ard.orders[0].id)
        assert api.order().status_code == 200
        ard.clock.advance("366d")
        api.log_in()
        assert api.order().status_code == 200
        api.session.close()


def test_class_limit_does_not_affect_other_classes():
    with Sandbox(order_duration=0, limits={"fresh": 1}) as ard:
        api = Api(ard)
        newest = max(ard.catalog, key=lambda tile: tile.acquired_at).acquisition_id
        assert "fresh imagery fee limit" in api.order(acquisitions=[{"id": newest}]).json()["message"]
        assert api.order(acquisitions=[{"id": A}]).status_code == 200
        api.session.close()


def test_unknown_limit_is_rejected():
    with pytest.raises(ValueError, match="monthly"):
        Sandbox(limits={"monthly": 1})


def test_usage_by_user_and_account(ard, api, member):
    api.order()
    member.order()
    member.order()
    account = api.get("/usage/account/7001").json()["usage"]["cost"]["total_imagery_cost"]
    admins = api.get("/usage/user/7002").json()["usage"]["cost"]["total_imagery_cost"]
    members = member.get("/usage/user/7003").json()["usage"]["cost"]["total_imagery_cost"]
    assert account == pytest.approx(admins + members)
    assert members == pytest.approx(2 * admins)
    assert api.get("/usage/user/7003").status_code == 200


def test_users_list_only_their_own_orders(ard, api, member):
    own, other = api.order().json()["id"], member.order().json()["id"]
    assert [order["id"] for order in api.get("/order").json()["data"]] == [own]
    assert [order["id"] for order in member.get("/order").json()["data"]] == [other]
    assert [order["id"] for order in api.get("/admin/account/7001/order").json()["data"]] == [other, own]


@pytest.mark.parametrize(
    "path",
    ["/usage/account/7001", "/usage/user/7002", "/admin/account/7001/credentials", "/admin/account/7001/order"],
)
def test_admin_resources_are_forbidden_for_members(member, path):
    response = member.get(path)
    assert response.status_code == 403
    assert set(response.json()) == {"message", "code", "type"}


def test_member_can_use_but_not_read_stored_credentials(ard, member):
    ard.store_credentials("azure", "https://account.blob.core.windows.net/?sig=s3cr3t")
    config = {"azure_blob_storage": {"container": "c", "prefix": "", "credentials_id": "azure"}}
    order_id = member.order(output_config=config).json()["id"]
    assert "s3cr3t" not in member.get(f"/order/status/{order_id}").text
    root = f"{ard.url}/api/v1/admin/account/7001/credentials/azure"
    for method in ("GET", "PUT", "DELETE"):
        assert member.session.request(method, root, json={"credentials": "x"}, timeout=9).status_code == 403


def test_credentials_are_stored_replaced_and_deleted(ard, api):
    root = f"{ard.url}/api/v1/admin/account/7001/credentials"
    put = lambda name, **body: api.session.put(f"{root}/{name}", json=body, timeout=9)  # noqa: E731
    assert put("one", credentials="s3cr3t", description="d").status_code == 200
    assert put("one", credentials="other").status_code == 204
    assert put("two", credentials="s3cr3t").status_code == 200
    for bad in ({}, {"credentials": ""}, {"credentials": 1}, {"credentials": "x", "description": 1}):
        assert put("three", **bad).status_code == 400
    assert put("not an id", credentials="x").status_code == 400
    assert "s3cr3t" not in api.get("/admin/account/7001/credentials").text
    page = api.get("/admin/account/7001/credentials", limit=1).json()
    assert page["has_more"]
    assert page["data"][0]["registered_credentials"]["credentials_id"] == "one"
    after = api.get("/admin/account/7001/credentials", limit=1, starting_after="one").json()
    assert not after["has_more"]
    assert after["data"][0]["registered_credentials"]["credentials_id"] == "two"
    assert api.session.delete(f"{root}/one", timeout=9).status_code == 204
    assert api.session.delete(f"{root}/one", timeout=9).status_code == 404
    assert api.get("/admin/account/404/credentials").status_code == 404


def test_notifications_are_recorded_once_at_the_end(ard, api):
    notifications = [{"type": "email", "address": "a@b.c"}, {"type": "sns", "topic_arn": "arn:aws:sns:x:1:y"}]
    api.order(notifications=notifications, dry_run=True)
    assert ard.notifications == []
    good, bad = (api.order(notifications=notifications).json()["id"] for _ in range(2))
    ard.fail_order(bad)
    for _ in range(2):
        api.status(good)
        recorded = {(sent.subject_id, sent.type, sent.target, sent.status) for sent in ard.notifications}
        assert recorded == {
            (order_id, kind, target, status)
            for order_id, status in ((good, "SUCCEEDED"), (bad, "FAILED"))
            for kind, target in (("email", "a@b.c"), ("sns", "arn:aws:sns:x:1:y"))
        }
        assert len(ard.notifications) == 4
