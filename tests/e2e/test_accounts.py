"""granary user, key and role: the Auth Gateway's accounts from the command line, with secrets that stand in no argument."""

import json
import os
import re
import subprocess

import pytest

from gateway import Estate, Gateway
from node import BINARY

KEY = re.compile(r"gk_[0-9a-f]{16}_[0-9A-Za-z]{43}")


class Cli:
    """Commands against a gateway, with its administrator's key in the environment."""

    def __init__(self, gateway, key):
        self.gateway, self.key = gateway, key

    def run(self, *args, expect=0, stdin="", env=None):
        environment = {**os.environ, "GRANARY_API_KEY": self.key, **(env or {})}
        environment = {name: value for name, value in environment.items() if value is not None}
        done = subprocess.run([str(BINARY), *args, "--url", f"http://127.0.0.1:{self.gateway.port}"], input=stdin, capture_output=True, text=True,
                              timeout=60, env=environment, start_new_session=True)
        assert done.returncode == expect, (args, done.stdout, done.stderr)
        return done

    def json(self, *args, **options):
        return json.loads(self.run(*args, "--json", **options).stdout)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    gateway = Gateway(tmp_path_factory.mktemp("accounts")).start()
    yield gateway
    gateway.close()


@pytest.fixture
def cli(gateway):
    return Cli(gateway, gateway.first_key())


def test_a_user_from_beginning_to_end(cli, gateway):
    made = cli.json("user", "create", "ada", "--role", "reader", "--password", stdin="a long password\n")
    assert made["username"] == "ada" and made["roles"] == ["reader"] and made["has_password"]
    assert gateway.log_in("ada")["user_id"] == made["user_id"]
    assert "ada" in cli.run("user", "list").stdout and "keys only" in cli.run("user", "list").stdout
    assert {"ada", "admin"} <= {user["username"] for user in cli.json("user", "list")}
    # By name and by id, the same.
    assert cli.json("user", "show", "ada") == cli.json("user", "show", made["user_id"]) == made
    assert "may read:*" in cli.run("user", "show", "ada").stdout
    assert cli.json("user", "grant", "ada", "--role", "writer", "--role", "reader")["roles"] == ["reader", "writer"]
    assert cli.json("user", "revoke", "ada", "--role", "reader")["roles"] == ["writer"]
    cli.run("user", "password", "ada", stdin="another password\r\n")
    assert gateway.log_in("ada", password="another password")
    assert cli.json("user", "disable", "ada")["disabled"] is True
    assert "disabled" in cli.run("user", "show", "ada").stdout
    assert cli.json("user", "enable", "ada")["disabled"] is False
    cli.run("user", "delete", "ada")
    assert "there is no user 'ada'" in cli.run("user", "show", "ada", expect=1).stderr


def test_a_key_from_beginning_to_end(cli, gateway):
    cli.run("user", "create", "feed", "--role", "writer")
    done = cli.run("key", "create", "--user", "feed", "--name", "nightly", "--grant", "write:sales_*", "--expires-at", "2100-01-01T00:00:00Z")
    key = done.stdout.strip()
    assert KEY.fullmatch(key) and key not in done.stderr and "write:sales_*" in done.stderr
    name = key.split("_")[1]
    assert gateway.caller(key).call("GET", "/auth/me")["username"] == "feed"
    shown = cli.json("key", "show", name)
    assert shown["scope"] == [{"verbs": ["write"], "source": "sales_*"}] and shown["expires_at"] == "2100-01-01T00:00:00Z"
    assert name in cli.run("key", "list").stdout and key not in cli.run("key", "list").stdout
    assert [one["key_id"] for one in cli.json("key", "list", "--user", "feed")] == [name]
    rotated = cli.run("key", "rotate", name, "--grace-seconds", "0").stdout.strip()
    assert KEY.fullmatch(rotated) and rotated != key and rotated.split("_")[1] == name
    assert gateway.caller(key).raw("GET", "/auth/me")[0] == 401 and gateway.caller(rotated).raw("GET", "/auth/me")[0] == 200
    assert "The old secret is good until" in cli.run("key", "rotate", name).stderr
    cli.run("key", "revoke", name)
    assert gateway.caller(rotated).raw("GET", "/auth/me")[0] == 401 and cli.json("key", "show", name)["revoked_at"]
    assert "there is no key" in cli.run("key", "show", "0" * 16, expect=1).stderr


def test_a_role_from_beginning_to_end(cli, gateway):
    made = cli.json("role", "create", "clerk", "--grant", "read:sales_*", "--grant", "write:sales_eu")
    assert made["role"] == "clerk"
    assert cli.run("role", "show", "clerk").stdout.split() == ["read:sales_*", "write:sales_eu"]
    assert "granary role grant" in cli.run("role", "create", "clerk", "--grant", "read:*", expect=1).stderr
    cli.run("role", "grant", "clerk", "--grant", "write:sales_*", "--grant", "admin:tmp")
    # The gateway keeps no grant that another one has in it.
    assert cli.run("role", "show", "clerk").stdout.split() == ["read,write:sales_*", "admin:tmp"]
    cli.run("role", "revoke", "clerk", "--grant", "write:sales_*")
    assert cli.run("role", "show", "clerk").stdout.split() == ["read:sales_*", "admin:tmp"]
    cli.run("user", "create", "clara", "--role", "clerk")
    assert "read:sales_*" in cli.run("user", "show", "clara").stdout
    assert {"clerk", "reader", "admin"} <= {role["role"] for role in cli.json("role", "list")}
    cli.run("user", "revoke", "clara", "--role", "clerk")
    cli.run("role", "delete", "clerk")
    assert "there is no role" in cli.run("role", "show", "clerk", expect=1).stderr


def test_pages_are_put_together(cli):
    for n in range(3):
        cli.run("user", "create", f"page-{n}")
    names = [user["username"] for user in cli.json("user", "list")]
    assert sorted(names) == names and len(set(names)) == len(names) and {f"page-{n}" for n in range(3)} <= set(names)


def test_where_a_key_may_come_from(cli, gateway, tmp_path):
    key, none = cli.key, {"GRANARY_API_KEY": None}
    (tmp_path / "key").write_text(key + "\n")
    for options in ({"env": none, "args": ["--key-file", str(tmp_path / "key")]}, {"env": none, "args": ["--key-file", "-"], "stdin": key + "\n"},
                    {"env": {"GRANARY_API_KEY": "wrong"}, "args": ["--key-file", str(tmp_path / "key")]}):
        args = options.pop("args")
        assert cli.json("user", "show", "admin", *args, **options)["username"] == "admin"
    assert "GRANARY_API_KEY" in cli.run("user", "list", env=none, expect=1).stderr
    assert "holds no API key" in cli.run("user", "list", env={"GRANARY_API_KEY": "a b"}, expect=1).stderr
    refused = cli.run("user", "list", env={"GRANARY_API_KEY": key[:-1] + ("a" if key[-1] != "a" else "b")}, expect=1)
    assert "UNAUTHENTICATED" in refused.stderr and key[:-1] not in refused.stderr
    assert "No such file" in cli.run("user", "list", "--key-file", str(tmp_path / "none"), env=none, expect=1).stderr


def test_no_secret_is_an_argument(cli):
    """Neither a key nor a password: whoever lists the machine's processes would read it."""
    for noun in ("user", "key", "role"):
        helped = subprocess.run([str(BINARY), noun, "--help-all"], capture_output=True, text=True, timeout=60).stdout
        assert "--api-key" not in helped
    assert cli.run("user", "create", "eve", "--password", "a long password", expect=2).stderr
    assert "empty" in cli.run("user", "create", "eve", "--password", stdin="", expect=1).stderr
    assert "eve" not in cli.run("user", "list").stdout


def test_what_is_wrong_is_told(cli):
    assert "VERBS:SOURCE" in cli.run("key", "create", "--grant", "sales", expect=1).stderr
    assert "/scope/0/verbs/0" in cli.run("key", "create", "--grant", "steal:sales", expect=1).stderr
    assert "/grants/0/source" in cli.run("role", "create", "bad", "--grant", "read:a/b", expect=1).stderr
    assert "one of table, json" in cli.run("user", "list", "--output", "xml", expect=1).stderr
    assert cli.run("user", "show", "../keys", expect=1).stderr
    assert cli.run("key", "revoke", "../../users/u_0", expect=1).stderr
    for wrong in (["user"], ["key", "create", "--grant"], ["role", "create", "x"], ["user", "grant", "admin"]):
        assert cli.run(*wrong, expect=2).stderr


def test_the_way_back_on_the_machine_itself(tmp_path):
    """The first key is lost: whoever may write the gateway's folder makes another, while it runs."""
    gateway = Gateway(tmp_path, {"TENANT_ID": "acme"}).start()
    try:
        admin = gateway.caller()
        me = admin.call("GET", "/auth/me")["user_id"]
        (key,) = admin.call("GET", "/auth/keys")["keys"]
        assert admin.raw("DELETE", f"/auth/keys/{key['key_id']}")[0] == 409 and admin.raw("PATCH", f"/auth/users/{me}", {"roles": []})[0] == 409
        recover = [str(BINARY), "user", "recover", "--set", f"DATA_PATH={gateway.data}", "--set", "TENANT_ID=acme"]
        done = subprocess.run(recover, cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0 and KEY.fullmatch(done.stdout.strip()), done.stderr
        back = gateway.caller(done.stdout.strip())
        assert back.call("GET", "/auth/me")["tenant_id"] == "acme"
        assert back.raw("DELETE", f"/auth/keys/{key['key_id']}")[0] == 204 and admin.raw("GET", "/auth/me")[0] == 401
        assert [entry["detail"] for entry in back.call("GET", "/audit?actor=granary")["entries"]] == ["made on the machine itself", "the first key"]
    finally:
        gateway.close()
    recover[-3] = f"DATA_PATH={tmp_path / 'elsewhere'}"
    done = subprocess.run(recover, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "auth.sqlite" in done.stderr and not (tmp_path / "elsewhere").exists()


def test_commands_of_data_show_a_key(tmp_path):
    """import, query, export, explain, source: through the gateway to a node that answers nobody else."""
    estate = Estate(tmp_path)
    try:
        url = f"http://127.0.0.1:{estate.gateway.port}"
        (tmp_path / "t.csv").write_text("a,b\n1,x\n2,y\n")
        (tmp_path / "key").write_text(estate.admins["acme"] + "\n")

        def run(*args, key=True, expect=0, env=()):
            environment = {**{name: value for name, value in os.environ.items() if name != "GRANARY_API_KEY"}, **dict(env)}
            shown = ["--key-file", str(tmp_path / "key")] if key else []
            done = subprocess.run([str(BINARY), *args, "--url", url, *shown], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
            assert done.returncode == expect, (args, done.stdout, done.stderr)
            return done.stdout + done.stderr

        run("import", "t.csv", "--source", "t")
        assert "y" in run("query", "t", key=False, env={"GRANARY_API_KEY": estate.admins["acme"]})
        run("export", "t", "out.csv")
        assert (tmp_path / "out.csv").read_text().splitlines()[0] == "a,b"
        assert run("explain", "t") and "t" in run("source", "list") and run("compaction", "explain", "t")
        told = run("query", "t", key=False, expect=1)
        assert "UNAUTHENTICATED" in told and "GRANARY_API_KEY" in told and "--key-file" in told
        (tmp_path / "key").write_text(estate.admins["acme"][:-1] + "!\n")
        assert "UNAUTHENTICATED" in run("query", "t", expect=1)
    finally:
        estate.close()
