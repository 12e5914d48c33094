"""The web console in Debian's Chromium, as people use it, before `granary up`; and its files and doors, without a browser.

Where Chromium cannot run the tests that need it are skipped, with its reason."""

import contextlib
import gzip
import http.client
import json
import re
import shutil
import socket
import threading
import urllib.parse

import pytest

from gateway import CHEAP, KeyClient
from node import Client, free_port, until
from service import Service

CHROMIUM = shutil.which("chromium")
ATTACK = '<img src=x onerror="window.hacked=true"><script>window.hacked=true</script>'
RULES = {"rules": [{"name": f"Always {ATTACK}", "metric": "up", "op": "gte", "value": 0, "severity": "critical",
                    "summary": f"it is up {ATTACK}"},
                   {"name": "Never", "metric": "up", "op": "lt", "value": -1, "severity": "warning", "summary": "cannot be"}]}
# A million groups: seconds of work.
HEAVY = {"source_ids": ["heavy"], "group_by": ["a"], "aggregations": [
    {"type": "percentile", "column": "x", "p": 0.5, "alias": "p"}, {"type": "count_distinct", "column": "s", "alias": "d"}]}
EXACT = 9007199254740993
ROWS = 3_000


class Up:
    """`granary up` with records of all kinds, and who may see them."""

    def __init__(self, folder):
        folder.mkdir(exist_ok=True)
        rules = folder / "rules.json"
        rules.write_text(json.dumps(RULES))
        self.service = Service("up", "MONITORING_PORT", folder,
                               {**CHEAP, "REST_PORT": str(free_port()), "GRPC_PORT": "0", "GRPC_HOST": "127.0.0.1", "CBO_ENGINE_PORT": "0",
                                "SCRAPE_INTERVAL_SECONDS": "1", "ALERT_RULES_FILE": str(rules)}).start()
        until(lambda: "Granary is up" in self.service.log() and "Try:" in self.service.log(), "it says where it is")
        said = self.service.log()
        self.key = re.search(r"gk_[0-9a-f]{16}_[0-9A-Za-z]{43}", said)[0]
        self.gateway_port = int(re.search(r"Auth Gateway +http://127.0.0.1:(\d+)", said)[1])
        self.url = f"http://127.0.0.1:{self.service.port}/"
        self.fill()

    def admin(self):
        return KeyClient(self.gateway_port, self.key)

    def monitoring(self, key=None):
        return KeyClient(self.service.port, key) if key else self.service.client()

    def reader(self):
        return self.admin().call("POST", "/auth/keys", {"scope": [{"verbs": ["read"], "source": "orders"}]})["key"]

    def fill(self):
        admin = self.admin()
        admin.add({"source_id": "orders", "name": f"Orders {ATTACK}",
                   "schema_definition": {"id": "int64", "customer": "string", "amount": "float64", "at": "timestamp"},
                   "index_columns": ["customer"]})
        admin.write("orders", [{"id": EXACT + i if i == 0 else i, "customer": f"C{i % 50:03}", "amount": i / 4, "at": "2024-01-15"}
                               for i in range(ROWS)])
        admin.flush("orders")
        admin.add({"source_id": "attacks", "schema_mode": "json"})
        admin.write("attacks", [{"note": ATTACK, f"{ATTACK}": "key", "nested": {"deep": [ATTACK]}}])
        admin.flush("attacks")
        admin.call("POST", "/auth/users", {"username": "ada", "password": "a long password", "roles": ["reader"]})

    def fill_heavy(self):
        admin = self.admin()
        admin.add({"source_id": "heavy", "schema_definition": {"a": "int64", "x": "float64", "s": "string"}})
        lines = "a,x,s\n" + "".join(f"{i},{i / 7},text {i}\n" for i in range(1_000_000))
        status, _, content = admin.raw("POST", "/data/write?source_id=heavy", lines.encode(), {"Content-Type": "text/csv"})
        assert status == 200, content


@pytest.fixture(scope="module")
def up(tmp_path_factory):
    up = Up(tmp_path_factory.mktemp("console"))
    yield up
    up.service.close()


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("SKIPPED: Debian's chromium is not installed")
    from playwright.sync_api import Error, sync_playwright

    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--no-proxy-server", "--disable-gpu"])
        except Error as error:
            pytest.skip(f"SKIPPED: Chromium cannot run here: {error.message.splitlines()[0]}")
        yield browser
        browser.close()


class Visit:
    """A page, and all that its browser complained about."""

    def __init__(self, browser, up, **options):
        self.up = up
        self.context = browser.new_context(accept_downloads=True, **options)
        self.context.add_init_script(
            "document.addEventListener('securitypolicyviolation', e => console.error(`VIOLATION ${e.violatedDirective} ${e.blockedURI}`))")
        self.page = self.context.new_page()
        self.page.set_default_timeout(20_000)
        self.complaints = []
        self.page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        self.page.on("console", lambda message: self.complaints.append(message.text) if message.type == "error" else None)
        self.page.goto(up.url)

    def sign_in(self, key=None, keep=False):
        self.page.get_by_label("API key", exact=True).fill(key or self.up.key)
        if keep:
            self.page.get_by_label("Stay signed in").check()
        self.page.get_by_role("button", name="Sign in").click()
        self.page.get_by_role("heading", name="Home").wait_for()
        return self

    def go(self, *parts):
        self.page.goto(self.up.url + "#/" + "/".join(urllib.parse.quote(part, safe="") for part in parts))
        return self.page

    def say(self, body, kind="Search"):
        """Types a body into the JSON editor."""
        self.go("query")
        self.page.get_by_role("tab", name=kind).click()
        self.page.get_by_role("tab", name="JSON").click()
        self.page.get_by_label("Request body").fill(json.dumps(body))

    def run(self, body, kind="Search"):
        self.say(body, kind)
        self.page.get_by_role("button", name="Run", exact=True).click()
        self.page.locator("[data-stats]").wait_for()

    def check(self, expected=()):
        """Nothing was hacked; the browser complained about nothing but failed answers of the `expected` statuses."""
        assert self.page.evaluate("window.hacked") is None
        unexpected = [one for one in self.complaints
                      if not any(f"status of {status}" in one for status in expected)]
        assert unexpected == []


@pytest.fixture
def visit(browser, up):
    visits = []

    def begin(**options):
        visits.append(Visit(browser, up, **options))
        return visits[-1]

    yield begin
    for one in visits:
        one.context.close()


def test_a_bad_key_is_a_clear_error_and_tells_nothing(visit, up):
    one = visit()
    page = one.page
    for bad in ("nonsense", "gk_0123456789abcdef_" + "x" * 43):
        page.get_by_label("API key", exact=True).fill(bad)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("alert").get_by_text("UNAUTHENTICATED").wait_for()
        assert page.get_by_role("heading", name="Home").count() == 0
    one.check(expected=[401])


def test_name_and_password_and_what_a_tab_keeps(visit, up):
    one = visit()
    page = one.page

    def fill(password):
        page.get_by_role("tab", name="User and password").click()
        page.get_by_label("User name").fill("ada")
        page.get_by_label("Password", exact=True).fill(password)
        page.keyboard.press("Enter")

    fill("wrong password")
    page.get_by_role("alert").get_by_text("UNAUTHENTICATED").wait_for()
    fill("a long password")
    page.get_by_role("heading", name="Home").wait_for()
    # She is no operator: the page says so instead of showing empty charts.
    page.get_by_text("is for operators").first.wait_for()
    assert page.evaluate("[sessionStorage.length, document.cookie]") == [0, ""]
    page.reload()
    page.get_by_role("button", name="Sign in").wait_for()
    page.get_by_label("Stay signed in").check()
    fill("a long password")
    page.get_by_role("heading", name="Home").wait_for()
    page.reload()
    page.get_by_role("heading", name="Home").wait_for()
    kept = page.evaluate("JSON.stringify({...localStorage}) + document.cookie + location.href")
    assert "eyJ" not in kept and "gk_" not in kept
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Sign in").wait_for()
    assert page.evaluate("sessionStorage.length") == 0
    one.check(expected=[401, 403])


def test_a_search_gives_pages_of_any_length_exactly(visit, up):
    one = visit().sign_in()
    page = one.page
    one.run({"source_ids": ["orders"], "order_by": [{"column": "_seq"}], "limit": 2000})
    grid = page.get_by_role("grid")
    assert grid.get_attribute("aria-rowcount") == "2001"
    grid.get_by_text(str(EXACT), exact=True).wait_for()
    assert grid.get_by_role("row").count() < 80, "only what is in sight is drawn"
    page.get_by_role("button", name="Next page").click()
    page.get_by_text(f"{ROWS:,} records ·").wait_for()
    assert page.get_by_role("button", name="Next page").count() == 0
    # With the keyboard alone to the last record.
    grid.focus()
    page.keyboard.press("Control+End")
    grid.get_by_text(str(ROWS - 1), exact=True).wait_for()
    page.keyboard.press("Enter")
    assert json.loads(page.locator("[data-record]").inner_text())["id"] == ROWS - 1
    page.keyboard.press("Escape")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export all as CSV").click()
    lines = download.value.path().read_text().splitlines()
    assert len(lines) == ROWS + 1 and str(EXACT) in lines[1]
    with page.expect_download() as download:
        page.get_by_role("button", name="Export all as NDJSON").click()
    assert len(download.value.path().read_text().splitlines()) == ROWS
    one.check()


def test_the_form_says_what_the_json_says(visit, up):
    one = visit().sign_in()
    page = one.go("query", "orders")
    page.get_by_text("Sources: orders").wait_for()
    page.get_by_role("button", name="Add a condition").click()
    page.get_by_label("Column", exact=True).fill("customer")
    page.get_by_label("Value", exact=True).fill("C007")
    page.get_by_label("Columns").fill("id")
    page.get_by_label("Records a page").fill("90")
    page.keyboard.press("Enter")
    page.get_by_text(f"{ROWS // 50} records ·").wait_for()
    page.get_by_role("tab", name="JSON").click()
    body = json.loads(page.get_by_label("Request body").input_value())
    assert body == {"source_ids": ["orders"], "filters": {"customer": {"eq": "C007"}}, "columns": ["id"], "limit": 90}
    page.get_by_label("Request body").fill('{"filters": {"$not": {"customer": "C007"}}}')
    page.get_by_role("tab", name="Form", exact=True).click()
    page.get_by_text("The form cannot say all of this").wait_for()
    page.get_by_label("Request body").fill('{"filters": }')
    page.get_by_text("Line 1, column 13").wait_for()
    assert page.get_by_role("button", name="Run", exact=True).is_disabled()
    page.get_by_role("tab", name="Aggregate").click()
    page.get_by_role("tab", name="Form", exact=True).click()
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_role("grid").get_by_text(str(ROWS // 50), exact=True).wait_for()
    one.check()


def test_what_is_typed_is_kept_by_all_that_follows(visit, up):
    """Another kind, another source, the form: each goes on from the text, not from what the form said before it."""
    one = visit().sign_in()
    page = one.go("query", "attacks")
    page.get_by_text("Sources: attacks").wait_for()
    page.get_by_role("tab", name="JSON").click()
    editor = page.get_by_label("Request body")

    def said():
        return json.loads(editor.input_value())

    filters = {"$not": {"customer": "C007"}}
    editor.fill(json.dumps({"source_ids": ["orders"], "filters": filters, "columns": ["id"]}))
    page.get_by_text("Sources: orders").wait_for()
    page.get_by_role("tab", name="Aggregate").click()
    assert said() == {"source_ids": ["orders"], "filters": filters, "aggregations": [{"type": "count"}]}
    page.get_by_text("Sources: orders").click()
    page.get_by_label("attacks", exact=True).check()
    assert said()["source_ids"] == ["orders", "attacks"] and said()["filters"] == filters
    page.get_by_label("attacks", exact=True).uncheck()
    # Typed by the columns of the source that the text names: in the other one it would be a number.
    editor.fill(json.dumps({"source_ids": ["orders"], "filters": {"customer": {"eq": "7"}}, "aggregations": [{"type": "count"}]}))
    page.get_by_role("tab", name="Form", exact=True).click()
    assert page.get_by_label("Value", exact=True).input_value() == "7"
    one.check()


def test_a_bad_body_is_refused_with_its_place(visit, up):
    one = visit().sign_in()
    one.say({"source_ids": ["orders"], "filters": {"amount": {"gt": "x"}}})
    one.page.get_by_role("button", name="Run", exact=True).click()
    one.page.get_by_role("alert").get_by_text("/filters/amount/gt").first.wait_for()
    one.check(expected=[400])


def test_a_plan_shows_estimates_and_what_was_true(visit, up):
    one = visit().sign_in()
    one.say({"source_ids": ["orders"], "filters": {"customer": {"eq": "C007"}}})
    one.page.get_by_role("button", name="Explain and run").click()
    plan = one.page.locator("[data-plan]")
    plan.get_by_text("actual", exact=True).first.wait_for()
    text = plan.inner_text()
    assert "by index only once it runs" not in text
    assert "estimated" in text and f"{ROWS // 50} rows" in text and "1 segment:" in text
    asked = up.admin().call("POST", "/data/explain", {"search": {"source_ids": ["orders"], "filters": {"customer": {"eq": "C007"}}}})
    assert asked["plan"]["operator"] in text
    assert all(rejected["plan"] in text for rejected in asked["rejected"])
    one.page.get_by_role("button", name="Explain only").click()
    one.page.get_by_text("It was not run").wait_for()
    assert plan.get_by_text("actual", exact=True).count() == 0
    plan.get_by_text("by index only once it runs").wait_for()
    one.check()


def test_a_query_is_cancelled_here_and_at_the_node(visit, up):
    up.fill_heavy()
    one = visit().sign_in()
    one.say(HEAVY, "Aggregate")
    one.page.get_by_role("button", name="Run", exact=True).click()
    admin = up.admin()
    up.service.wait_for(lambda _: admin.call("GET", "/queries")["queries"], "the query runs")
    one.page.get_by_role("button", name="Cancel", exact=True).click()
    one.page.get_by_text("Cancelled after").wait_for()
    up.service.wait_for(lambda _: admin.call("GET", "/queries")["queries"] == [], "it ended at the node", 30)
    # The list of what runs ends others' queries.
    one.page.get_by_role("tab", name="Running now").click()
    one.page.get_by_text("No query runs").wait_for()
    # A stream that nobody reads goes on until somebody ends it.
    reader = http.client.HTTPConnection("127.0.0.1", up.gateway_port, timeout=60)
    reader.request("POST", "/data/search/stream", json.dumps({"source_ids": ["heavy"]}),
                   {"Authorization": f"Bearer {up.key}", "Content-Type": "application/json"})
    answer = reader.getresponse()
    assert answer.status == 200
    one.page.get_by_role("table").get_by_role("button", name="Cancel").click()
    one.page.get_by_text("No query runs").wait_for()
    with pytest.raises((http.client.IncompleteRead, OSError)):
        answer.read()
    reader.close()
    one.check(expected=[499])


def test_what_data_say_is_text(visit, up):
    """In values, names of columns, sources, rules, comments: shown as it is, run nowhere."""
    up.monitoring().call("POST", "/alerts/silences", {"rule": "Never", "minutes": 60, "comment": ATTACK})
    one = visit().sign_in()
    page = one.page
    one.run({"source_ids": ["attacks"]})
    grid = page.get_by_role("grid")
    assert grid.get_by_text(ATTACK, exact=True).count() >= 2
    grid.focus()
    page.keyboard.press("Enter")
    assert json.loads(page.locator("[data-record]").inner_text())["note"] == ATTACK
    page.keyboard.press("Escape")
    one.go("sources")
    page.get_by_text(f"Orders {ATTACK}").wait_for()
    one.go("sources", "attacks")
    page.get_by_role("tab", name="Paths").click()
    page.get_by_role("cell").filter(has_text="onerror=").first.wait_for()
    one.go("sources", ATTACK)
    page.get_by_role("heading", name=ATTACK).wait_for()
    one.go("alerts")
    page.get_by_text(f"Always {ATTACK}").first.wait_for()
    assert page.get_by_text(ATTACK, exact=True).count() >= 1, "the comment"
    assert page.locator("main img, main script").count() == 0
    one.check(expected=[400, 404])


def test_sources_are_added_flushed_and_compacted(visit, up):
    one = visit().sign_in()
    page = one.go("sources")
    page.get_by_role("button", name="Add a source").click()
    page.get_by_label("Id", exact=True).fill("bad/id")
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_role("alert").get_by_text("/source_id").first.wait_for()
    page.get_by_label("Id", exact=True).fill("made_here")
    page.get_by_label("Column name").fill("n")
    page.get_by_label("Column type").fill("int64")
    page.get_by_role("button", name="Add a column").click()
    page.get_by_label("Column name").last.fill("n")
    page.get_by_text("Two columns are called “n”").wait_for()
    assert page.get_by_role("button", name="Add", exact=True).is_disabled()
    page.get_by_label("Remove this column").last.click()
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_role("heading", name="made_here").wait_for()
    assert up.admin().call("GET", "/sources/made_here")["schema_definition"] == {"n": "int64"}
    up.admin().write("made_here", [{"n": 1}])
    page.get_by_role("button", name="Flush").click()
    page.get_by_text("All rows are in Parquet files").wait_for()
    assert up.admin().call("GET", "/sources/made_here/stats")["segments"] == 1
    page.get_by_role("tab", name="Storage").click()
    page.get_by_text("What compaction would do").wait_for()
    page.get_by_role("button", name="Compact").click()
    page.get_by_role("status").get_by_text("files became").wait_for()
    one.check(expected=[400])


def test_a_key_is_shown_once_and_revoked(visit, up):
    one = visit().sign_in()
    page = one.go("tenant")
    page.get_by_role("button", name="Create a key").click()
    page.get_by_label("Name", exact=True).fill("from the console")
    page.get_by_role("button", name="Create", exact=True).click()
    key = page.locator("[data-key]").inner_text()
    page.get_by_role("button", name="Done").click()
    made = KeyClient(up.gateway_port, key)
    assert made.call("GET", "/auth/me")["grants"] == [{"verbs": ["read"], "source": "*"}]
    row = page.get_by_role("row").filter(has_text="from the console")
    row.get_by_role("button", name="Revoke").click()
    row.get_by_role("button", name="Revoke for good").click()
    row.get_by_text("revoked").wait_for()
    assert made.raw("GET", "/auth/me")[0] == 401
    assert key not in page.content()
    one.check()


def test_alerts_are_silenced_and_told_again(visit, up):
    one = visit().sign_in()
    page = one.go("alerts")
    page.get_by_role("row").filter(has_text="tenant-node").get_by_role("button", name="Silence").first.click()
    page.get_by_label("Comment").fill("being moved")
    page.get_by_role("dialog").get_by_role("button", name="Silence").click()
    silence = page.get_by_label("Silences", exact=True).get_by_role("row").filter(has_text="being moved")
    silence.wait_for()
    assert [s["service"] for s in up.monitoring().call("GET", "/alerts")["silences"] if s["comment"] == "being moved"] == ["tenant-node"]
    silence.get_by_role("button", name="End now").click()
    silence.wait_for(state="detached")
    one.check()


def test_tenants_are_created_limited_suspended_and_resumed(visit, up):
    one = visit().sign_in()
    page = one.go("tenants")
    own = page.locator("[data-tenant=default_tenant]")
    own.get_by_text("serving").wait_for()
    held = up.admin().call("GET", "/tenant/stats")
    own.get_by_role("cell", name=f"{held['rows']:,}", exact=True).wait_for()
    page.get_by_role("button", name="Create a tenant").click()
    form = page.get_by_role("dialog")
    form.get_by_label("Id", exact=True).fill("a/b")
    form.get_by_role("button", name="Create").click()
    form.get_by_role("alert").get_by_text("INVALID_IDENTIFIER").wait_for()
    form.get_by_label("Id", exact=True).fill("acme")
    form.get_by_label("Name", exact=True).fill(f"Acme {ATTACK}")
    form.get_by_label("Memory, MiB").fill("512")
    form.get_by_role("button", name="Create").click()
    row = page.locator("[data-tenant=acme]")
    row.get_by_text("serving").wait_for()
    row.get_by_text("512 MiB").wait_for()
    row.get_by_role("cell", name="0", exact=True).wait_for()
    assert row.get_by_text(f"Acme {ATTACK}").count() == 1 and page.locator("main img, main script").count() == 0
    # Nothing is done before it is confirmed.
    row.get_by_role("button", name="Suspend…").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    assert up.monitoring(up.key).call("GET", "/console/fleet/tenants/acme")["state"] == "active"
    row.get_by_role("button", name="Suspend…").click()
    page.get_by_role("dialog").get_by_role("button", name="Suspend", exact=True).click()
    row.get_by_text("suspended").wait_for()
    row.get_by_role("button", name="Quota…").click()
    page.get_by_role("dialog").get_by_label("Workers").fill("many")
    page.get_by_role("dialog").get_by_role("button", name="Set").click()
    page.get_by_role("dialog").get_by_role("alert").get_by_text("/workers", exact=True).wait_for()
    page.get_by_role("dialog").get_by_label("Workers").fill("3")
    page.get_by_role("dialog").get_by_role("button", name="Set").click()
    row.get_by_text("512 MiB, 3 workers").wait_for()
    row.get_by_role("button", name="Resume…").click()
    page.get_by_role("dialog").get_by_role("button", name="Resume", exact=True).click()
    row.get_by_text("serving").wait_for()
    one.check(expected=[400])


def test_tenants_and_logs_are_for_operators(visit, up):
    """Neither a reader nor an administrator of a tenant; and by what they may ask no more than the page does."""
    admin = up.monitoring(up.key)
    assert "default_tenant" in {one["tenant_id"] for one in admin.call("GET", "/console/fleet/tenants")["tenants"]}
    assert up.monitoring().raw("GET", "/console/fleet/tenants")[0] == 200, "a program of this machine"
    boss = up.monitoring(up.admin().call("POST", "/auth/keys", {"scope": [{"verbs": ["read", "write", "admin"], "source": "*"}]})["key"])
    for credential, status in ((boss, 403), (up.monitoring(up.reader()), 403), (up.monitoring("gk_0123456789abcdef_" + "x" * 43), 401)):
        for method, path in (("GET", "/console/fleet/tenants"), ("POST", "/console/fleet/tenants/default_tenant/suspend"), ("GET", "/logs/auth-gateway"),
                             ("GET", "/console/fleet/tenants/default_tenant/size"), ("GET", "/v1/logs/auth-gateway")):
            assert credential.raw(method, path)[0] == status, path
    for headers in ({"Origin": "http://elsewhere.example"}, {"Host": "elsewhere.example:8084"}):
        assert up.monitoring().raw("POST", "/console/fleet/tenants", {"tenant_id": "x"}, headers)[0] == 401
        assert up.monitoring().raw("GET", "/logs/auth-gateway", headers=headers)[0] == 401
    for method, path in (("DELETE", "/tenants/default_tenant"), ("POST", "/tenants/default_tenant/move"), ("GET", "/scaling"), ("PUT", "/nodes/x")):
        assert admin.raw(method, "/console/fleet" + path)[0] in (404, 405), path
    assert admin.raw("GET", "/console/fleet/tenants/%2e%2e")[0] in (400, 404)
    assert admin.raw("GET", "/console/fleet/tenants/a%20b")[0] == 400
    assert admin.raw("GET", "/console/fleet/tenants/nobody")[0] == admin.raw("GET", "/console/fleet/tenants/nobody/size")[0] == 404
    assert admin.raw("GET", "/console/fleet/tenants?surprise=1")[0] == 400
    one = visit()
    page = one.page
    page.get_by_label("API key", exact=True).fill(up.reader())
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Home").wait_for()
    assert page.get_by_role("link", name="Logs").count() == page.get_by_role("link", name="Tenants").count() == 0
    one.go("tenants")
    page.get_by_text("is for operators").first.wait_for()
    one.check(expected=[403])


def test_log_lines_are_filtered_and_followed(visit, up):
    one = visit().sign_in()
    page = one.go("logs")
    lines = page.get_by_label("Lines", exact=True)
    lines.get_by_text("ready").first.wait_for()
    page.get_by_label("Service").select_option("auth-gateway")
    lines.get_by_text("folder=").first.wait_for()
    # A line that comes while the page is open shows up by itself.
    page.get_by_label("Service").select_option("operation-node")
    page.get_by_label("Text").fill("launched")
    page.keyboard.press("Enter")
    before = lines.get_by_role("row").count()
    up.monitoring().call("POST", "/console/fleet/tenants", {"tenant_id": "logged"})
    lines.get_by_text("logged").first.wait_for()
    assert lines.get_by_role("row").count() > before
    page.get_by_label("Text").fill("no line has this")
    page.keyboard.press("Enter")
    page.get_by_text("None that match").wait_for()
    page.get_by_label("Text").fill("")
    page.keyboard.press("Enter")
    page.get_by_label("Level").select_option("error")
    page.get_by_text("None that match").wait_for()
    page.get_by_label("Follow").uncheck()
    page.get_by_role("button", name="Look again").click()
    page.get_by_text("None that match").wait_for()
    one.check()


def test_home_shows_health_charts_and_alerts(visit, up, tmp_path):
    one = visit().sign_in()
    page = one.page
    services = page.get_by_label("Services", exact=True)
    for name in ("auth-gateway", "operation-node", "tenant-node", "cbo-engine", "metadata-catalog", "monitoring"):
        card = services.locator(".service", has=page.get_by_role("heading", name=name))
        card.get_by_text("ok", exact=True).wait_for()
    assert services.locator(".absent").count() == 0
    page.get_by_role("figure", name="Requests").locator("canvas").wait_for()
    page.get_by_role("figure", name="Memory").get_by_text("MiB").first.wait_for()
    page.get_by_label("Alerts", exact=True).get_by_text("it is up").first.wait_for()
    shot = tmp_path / "home.png"
    page.screenshot(path=shot)
    assert shot.stat().st_size > 10_000
    one.check()


def test_home_shows_nodes_of_the_fleet(visit, up):
    up.monitoring().raw("POST", "/console/fleet/tenants", {"tenant_id": "watched"})
    node = up.monitoring().call("GET", "/console/fleet/tenants/watched")["placement"]["node_id"]
    until(lambda: {one["node"]: one["status"] for one in up.monitoring().call("GET", "/health/all")["nodes"]}.get(node) == "ok", "it is seen")
    one = visit().sign_in()
    nodes = one.page.get_by_label("Nodes", exact=True)
    row = nodes.locator("li", has=one.page.get_by_text(node, exact=True))
    row.get_by_text("ok", exact=True).wait_for()
    nodes.get_by_text("alive").first.wait_for()
    assert nodes.get_by_text("not looked at").count() == 0, "the node beside is one of the services"
    one.check()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_narrow_screens_scroll_nothing_sideways(visit, up, scheme, tmp_path):
    one = visit(viewport={"width": 400, "height": 800}, color_scheme=scheme).sign_in()
    for parts in (["home"], ["query"], ["sources"], ["sources", "orders"], ["tenant"], ["tenants"], ["alerts"], ["logs"]):
        page = one.go(*parts)
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") <= 400, parts
    ground = one.page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", ground)[:3])) < 150) == (scheme == "dark")
    one.check()


def test_a_dead_service_is_shown_as_such(browser, tmp_path):
    """The gateway is away: the page still opens, and says why nobody can sign in."""
    service = Service("monitoring", "MONITORING_PORT", tmp_path, {"AUTH_GATEWAY_PORT": str(free_port()), "SCRAPE_INTERVAL_SECONDS": "1"}).start()
    try:
        alone = type("Alone", (), {"url": f"http://127.0.0.1:{service.port}/", "key": "gk_x"})
        one = Visit(browser, alone)
        one.page.get_by_label("API key", exact=True).fill("gk_x")
        one.page.get_by_role("button", name="Sign in").click()
        one.page.get_by_role("alert").get_by_text("the Auth Gateway cannot be reached").wait_for()
        one.check(expected=[503])
        one.context.close()
    finally:
        service.close()


# ---- Without a browser: the files, and who may ask for what.

def test_files_are_whole_compressed_and_kept(up):
    client = up.monitoring()
    status, headers, page = client.raw("GET", "/")
    assert status == 200 and headers["content-type"].startswith("text/html") and headers["cache-control"] == "no-cache"
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "no-referrer"
    assert client.raw("GET", "/", headers={"If-None-Match": headers["etag"]})[::2] == (304, b"")
    assert client.raw("HEAD", "/")[0] == 200
    assets = re.findall(r'"(/assets/[^"]+)"', page.decode())
    assert len(assets) >= 3
    for asset in assets:
        status, headers, plain = client.raw("GET", asset)
        assert status == 200 and "immutable" in headers["cache-control"] and headers["x-content-type-options"] == "nosniff"
        _, headers, packed = client.raw("GET", asset, headers={"Accept-Encoding": "gzip"})
        if headers.get("content-encoding") == "gzip":
            assert gzip.decompress(packed) == plain
        _, headers, smallest = client.raw("GET", asset, headers={"Accept-Encoding": "gzip, br"})
        if len(plain) > 4096:
            assert headers["content-encoding"] == "br" and len(smallest) < len(packed) < len(plain)
    assert client.raw("GET", "/assets/none.js")[0] == 404
    assert client.raw("GET", "/assets/../index.html")[0] == 404


def test_what_is_done_to_tenants_there_is_in_the_audit_log_with_who_did_it(up):
    admin = up.monitoring(up.key)
    who = admin.call("GET", "/console/api/auth/me")
    admin.call("POST", "/console/fleet/tenants", {"tenant_id": "audited"})
    up.monitoring().call("POST", "/console/fleet/tenants/audited/suspend")
    fleet = Client(int(re.search(r"Operation Node +http://127.0.0.1:(\d+)", up.service.log())[1]))
    entries = fleet.call("GET", "/audit?target=audited")["entries"]
    assert [(one["action"], one["actor"], one["outcome"]) for one in entries] == [
        ("tenant.suspend", "machine: console", "done"), ("tenant.create", f"machine: user {who['user_id']} of {who['tenant_id']}", "done")]
    # Nobody else's name is taken from a browser.
    admin.raw("PUT", "/console/fleet/tenants/audited/quota", {"sources": 5}, {"Granary-Actor": "somebody else"})
    assert fleet.call("GET", "/audit?target=audited&action=tenant.quota")["entries"][0]["actor"].endswith(f"user {who['user_id']} of {who['tenant_id']}")


def test_only_what_the_console_shows_is_forwarded(up):
    admin = up.monitoring(up.key)
    assert admin.call("GET", "/console/api/auth/me")["operator"] is True
    # With a credential that could do all of it, at the gateway.
    for method, path in (("POST", "/data/write"), ("POST", "/data/delete"), ("POST", "/auth/users"), ("GET", "/audit"), ("POST", "/sql")):
        assert admin.raw(method, "/console/api" + path, {} if method == "POST" else None)[0] in (404, 405), path
    for method, path in (("DELETE", "/sources/orders"), ("PATCH", "/sources/orders")):
        status, headers, _ = admin.raw(method, "/console/api" + path, {} if method == "PATCH" else None)
        assert status == 405 and headers["allow"] == "GET, HEAD"
    assert up.monitoring().raw("GET", "/console/api/sources")[0] == 401
    status, headers, _ = admin.raw("GET", "/console/api/sources?surprise=1")
    assert status == 400 and headers["cache-control"] == "no-store" and headers["x-content-type-options"] == "nosniff"
    assert admin.raw("GET", "/console/api/sources/%2e%2e")[0] in (400, 404)
    status, headers, content = up.monitoring(up.reader()).raw("GET", "/console/api/tenant/stats", headers={"X-Request-Id": "mine"})
    assert status == 403 and headers["x-request-id"] == "mine" and json.loads(content)["instance"] == "mine"


def test_nobody_unknown_sends_more_than_a_login(up):
    """Refused by the head: not a byte of the body is sent here."""
    def answer_to(*shown):
        head = ["POST /console/api/data/search HTTP/1.1", "Host: localhost", "Content-Type: application/json", f"Content-Length: {10 << 20}", *shown, "", ""]
        with socket.create_connection(("127.0.0.1", up.service.port), timeout=20) as connection:
            connection.sendall("\r\n".join(head).encode())
            return int(connection.recv(65536).split()[1])

    assert answer_to() == 413
    assert answer_to("Authorization: Bearer nonsense") == 401
    body = {"source_ids": ["orders"], "filters": {"customer": {"in": ["C007", "x" * (20 << 10)]}}, "limit": 1}
    assert up.monitoring().raw("POST", "/console/api/data/search", body)[0] == 413
    assert up.monitoring(up.key).call("POST", "/console/api/data/search", body)["count"] == 1


def test_a_gateway_that_breaks_off_is_502(tmp_path):
    def break_off(server):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = server.accept()
                with connection:
                    connection.recv(65536)

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=break_off, args=(server,), daemon=True).start()
        service = Service("monitoring", "MONITORING_PORT", tmp_path, {"AUTH_GATEWAY_PORT": str(server.getsockname()[1])}).start()
        try:
            status, _, content = service.client().raw("POST", "/console/api/auth/login", {"username": "ada", "password": "x"})
            assert status == 502 and "not known" in json.loads(content)["detail"], content
        finally:
            service.close()
        server.shutdown(socket.SHUT_RDWR)


def test_what_is_measured_is_for_operators_and_for_programs_of_this_machine(up):
    open_door = up.monitoring()
    assert open_door.raw("GET", "/alerts")[0] == 200
    # A page from elsewhere that this machine's browser shows: as a form, and by a name that leads here.
    for headers in ({"Origin": "http://elsewhere.example"}, {"Origin": "null"}, {"Host": "elsewhere.example:8084"}):
        status, _, content = open_door.raw("POST", "/alerts/silences", b'{"rule": "Never", "minutes": 1}', {"Content-Type": "text/plain", **headers})
        assert status == 401, headers
        assert json.loads(content)["code"] == "UNAUTHENTICATED"
        assert open_door.raw("GET", "/alerts", headers=headers)[0] == 401
        assert open_door.raw("GET", "/health/all", headers=headers)[0] == 200
    origin = {"Origin": f"http://127.0.0.1:{up.service.port}"}
    assert up.monitoring(up.key).raw("GET", "/alerts", headers=origin)[0] == 200
    assert up.monitoring("gk_0123456789abcdef_" + "x" * 43).raw("GET", "/alerts")[0] == 401
    reader = up.monitoring(up.reader())
    assert reader.raw("GET", "/alerts")[0] == 403
    assert reader.raw("GET", "/usage/default_tenant")[0] == 403
    boss = up.admin().call("POST", "/auth/keys", {"scope": [{"verbs": ["read", "admin"], "source": "*"}]})
    narrow = up.monitoring(boss["key"])
    assert narrow.raw("GET", "/alerts")[0] == 403
    assert narrow.call("GET", "/usage/default_tenant")["tenant_id"] == "default_tenant"
    assert narrow.raw("GET", "/usage/other")[0] == 403
    # What was revoked is not believed for long.
    up.admin().call("DELETE", f"/auth/keys/{boss['key_id']}")
    up.service.wait_for(lambda _: narrow.raw("GET", "/usage/default_tenant")[0] == 401, "the key is no longer believed", 20)
