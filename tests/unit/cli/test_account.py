from __future__ import annotations

import json
import sys

import pytest

SAS = "https://acct.blob.core.windows.net/tiles?sv=2024-11-04&se=2999-01-01T00%3A00%3A00Z&sp=rwl&sig=s1gnatur3"


def test_usage_as_table(run, orders, client):
    usage = client.get_usage()
    code, out, _ = run("usage")
    (total,) = [line for line in out.splitlines() if line.strip().startswith("total")]
    assert code == 0
    assert total.split() == [
        "total",
        f"{usage.area_sqkm:,.2f}",
        f"{usage.total_cost:,.2f}",
        *("no", "limit"),
        *("no", "limit"),
    ]


def test_usage_of_the_logged_in_user(run, orders, client):
    assert json.loads(run("usage", "--user", "me", "--json")[1])["cost"] == client.get_usage().cost
    assert run("usage", "--user", "unknown")[0] == 1


def test_credentials_are_stored_listed_and_deleted(run, ard, tmp_path):
    path = tmp_path / "sas.txt"
    path.write_text(f"{SAS}\n")
    code, out, err = run("credentials", "put", "azure", "--file", str(path), "--description", "for tests")
    assert code == 0
    assert ard.stored_secret("azure") == SAS
    assert "s1gnatur3" not in out + err
    listed = json.loads(run("credentials", "list", "--json")[1])
    assert [(credentials["credentials_id"], credentials["description"]) for credentials in listed] == [
        ("azure", "for tests")
    ]
    assert "for tests" in run("credentials", "list")[1]
    assert run("credentials", "delete", "azure", "--yes")[0] == 0
    assert run("credentials", "delete", "azure", "--yes")[0] == 1
    assert "No credentials" in run("credentials", "list")[2]


def test_secret_is_read_from_a_hidden_prompt(run, ard, monkeypatch):
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("getpass.getpass", lambda prompt, stream: SAS)
    assert run("credentials", "put", "azure")[0] == 0
    assert ard.stored_secret("azure") == SAS


@pytest.mark.parametrize(("reply", "code", "stored"), [("y", 0, None), ("", 1, SAS), ("n", 1, SAS)])
def test_deletion_in_a_terminal_requires_confirmation(run, ard, client, monkeypatch, reply, code, stored):
    client.put_credentials("azure", SAS)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda: reply)
    assert run("credentials", "delete", "azure")[0] == code
    assert ard.stored_secret("azure") == stored


def test_invalid_secret_file_is_not_repeated(run, ard, tmp_path):
    path = tmp_path / "key.json"
    path.write_text('{"type": "authorized_user", "refresh_token": "s3cret"}')
    code, _, err = run("credentials", "put", "stored", "--file", str(path))
    assert code == 2
    assert "service_account" in err
    assert "s3cret" not in err
    assert run("credentials", "put", "stored", "--file", str(tmp_path / "none"))[0] == 2
    assert ard.requests == []
