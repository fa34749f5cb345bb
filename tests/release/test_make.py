"""`make demo` and `make test` without Chromium and Node.js: they install them, or name what is missing."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
REQUIRE = REPOSITORY / "scripts" / "require_command.sh"
# What make and the script themselves call.
BASIC_COMMANDS = ("sh", "bash", "env", "make", "grep", "sed", "expand", "git", "cat", "dirname")
SYSTEM_COMMANDS = ("chromium", "node", "npm")
CLUSTER_COMMANDS = ("pg_lsclusters", "redis-server", "ip", "nft", "faketime")


@pytest.fixture
def bare(tmp_path):
    """Return a PATH folder without Chromium, Node.js and apt-get, whose `id -u` prints that of root."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for command in BASIC_COMMANDS:
        (folder / command).symlink_to(shutil.which(command))
    add_command(folder, "id", "echo 0")
    return folder


def add_command(folder, name, script):
    (folder / name).unlink(missing_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def run(folder, *command):
    return subprocess.run(
        command, cwd=REPOSITORY, env={"PATH": str(folder)}, capture_output=True, text=True, check=False, timeout=60
    )


def recipe(folder, *targets):
    process = run(folder, "make", "-n", *targets)
    assert process.returncode == 0, process.stderr
    return process.stdout


def required(recipe):
    """Return the system commands that a recipe installs."""
    return re.findall(rf"^{REQUIRE.relative_to(REPOSITORY)} (\S+)", recipe, re.MULTILINE)


@pytest.mark.parametrize(
    ("target", "commands"),
    [
        ("test", SYSTEM_COMMANDS),
        ("demo", ()),
        ("unit", ()),
        ("browser", ("chromium",)),
        ("screenshots", ("chromium",)),
        ("bench-page", ("chromium",)),
        ("integration", ("node", "npm")),
        ("matrix", ("node", "npm")),
        # pyright runs on Node.js.
        ("typing", ("node", "npm")),
        ("ui", ("node", "npm")),
        ("bench-triggerer", ("pg_lsclusters",)),
        ("cluster", CLUSTER_COMMANDS),
        ("cluster-short", CLUSTER_COMMANDS),
    ],
)
def test_target_installs_the_commands_that_it_needs(bare, target, commands):
    # Those of targets that `make test` runs in parallel are repeated.
    assert set(required(recipe(bare, target))) == set(commands)


def test_missing_commands_end_make_test_before_anything_else(bare):
    lines = [line for line in recipe(bare, "test").splitlines() if line]
    # One line is for a library.
    assert required("\n".join(lines[: len(SYSTEM_COMMANDS) + 1])) == list(SYSTEM_COMMANDS)


def test_folders_with_browser_or_node_tests_are_those_of_such_targets():
    users = {
        path.relative_to(REPOSITORY / "tests").parts[0]
        for path in (REPOSITORY / "tests").rglob("*.py")
        if re.search(
            r"from demo\.browser import|from tests\.integration\.clouds import|\bazurite\(\)", path.read_text()
        )
        and path != Path(__file__)
    }
    assert users == {"browser", "integration"}


def test_ci_runs_only_make_targets():
    lines = (REPOSITORY / ".ci" / "run").read_text().splitlines()
    commands = [line for line in lines if line and not line.startswith("#")]
    assert [line for line in commands if not line.startswith(("make ", "set ", "cd "))] == []


def test_existing_command_is_not_installed(bare):
    add_command(bare, "chromium", "exit 0")
    process = run(bare, REQUIRE, "chromium", "a test", "chromium")
    assert (process.returncode, process.stdout, process.stderr) == (0, "", "")


def test_missing_command_is_installed_by_apt_after_one_line(bare):
    add_command(bare, "apt-get", f'echo "$@" >> {bare}/calls')
    process = run(bare, REQUIRE, "node", "a test", "nodejs", "npm")
    assert process.returncode == 0, process.stderr
    assert process.stdout == "node: not found, needed for a test; installing with apt-get: nodejs npm\n"
    update, install = (bare / "calls").read_text().splitlines()
    assert update.split()[0] == "update"
    assert install.split()[0] == "install"
    assert install.split()[-2:] == ["nodejs", "npm"]


def test_failed_installation_is_an_error(bare):
    add_command(bare, "apt-get", "exit 100")
    assert run(bare, REQUIRE, "node", "a test", "nodejs").returncode != 0


@pytest.mark.parametrize("has_apt", [True, False])
def test_without_permission_the_error_names_the_packages(bare, has_apt):
    add_command(bare, "id", "echo 1000")
    if has_apt:
        add_command(bare, "apt-get", f"echo called > {bare}/calls")
    process = run(bare, REQUIRE, "node", "a test", "nodejs", "npm")
    assert process.returncode == 1
    assert not (bare / "calls").exists()
    for part in ("node", "a test", "nodejs npm"):
        assert part in process.stderr
    assert process.stderr.count("\n") == 1
