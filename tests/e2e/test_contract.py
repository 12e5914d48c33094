"""docs/contract.md names a test for every promise, and every test that it names is there."""

import json
import pathlib
import re

import pytest

from node import REPOSITORY

PAGE = REPOSITORY / "docs/contract.md"
TESTS = REPOSITORY / "tests"
HELD = "held by"


def rows():
    """Of the tables whose last column is what holds them: the line's number, the promise, the names."""
    inside = False
    for number, line in enumerate(PAGE.read_text().splitlines(), 1):
        if not line.startswith("|"):
            inside = False
            continue
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|"))]
        if cells[-1] == HELD:
            inside = True
        elif inside and not set(line) <= set("|-"):
            assert len(cells) == 2, f"line {number} has {len(cells)} cells"
            yield number, cells[0], cells[1]


def names(cell):
    return re.findall(r"`([^`]+)`", cell)


def gtests():
    found = set()
    for path in (REPOSITORY / "src").rglob("*_test.cc"):
        found.update(f"{suite}.{name}" for suite, name in re.findall(r"\b(?:TEST|TEST_F|TEST_P|TYPED_TEST)\(\s*(\w+),\s*(\w+)\s*\)", path.read_text()))
    return found


def pytests():
    found = set()
    for path in [*TESTS.glob("e2e/test_*.py"), *TESTS.glob("compat/test_*.py")]:
        found.update(f"{path.name}::{name}" for name in re.findall(r"^def (test_\w+)\(", path.read_text(), re.M))
    return found


def cases():
    return {path.name for path in [*TESTS.glob("conformance/*.json"), *TESTS.glob("scenarios/*.scenario")]}


@pytest.fixture(scope="module")
def known():
    found = gtests() | pytests() | cases()
    assert len(gtests()) > 500 and len(pytests()) > 100 and len(cases()) > 8
    return found


def test_every_promise_names_its_tests():
    listed = list(rows())
    assert len(listed) > 150
    without = [f"line {number}: {promise}" for number, promise, held in listed if not names(held)]
    assert not without, "\n".join(without)
    loose = [f"line {number}: {held}" for number, _, held in listed if re.sub(r"`[^`]+`", "", held).strip()]
    assert not loose, "words beside the names of tests:\n" + "\n".join(loose)


def test_every_named_test_is_there(known):
    gone = [f"line {number}: {name}" for number, _, held in rows() for name in names(held) if name not in known]
    assert not gone, "\n".join(gone)


def test_no_promise_stands_twice():
    seen = [promise for _, promise, _ in rows()]
    assert len(seen) == len(set(seen)), {promise for promise in seen if seen.count(promise) > 1}


def test_every_case_and_scenario_holds_a_promise():
    named = {name for _, _, held in rows() for name in names(held)}
    assert cases() <= named, cases() - named


def test_every_limit_is_held():
    settings = re.findall(r"\| `([A-Z_]+)` \|", (REPOSITORY / "docs/limits.md").read_text())
    promised = {name for _, promise, _ in rows() for name in names(promise)}
    assert len(settings) > 15 and set(settings) <= promised, set(settings) - promised


def test_every_request_of_the_openapi_document_is_promised():
    document = json.loads((REPOSITORY / "docs/openapi/tenant_node.json").read_text())
    text = PAGE.read_text()
    missing = [path for path in document["paths"] if path.rsplit("/", 1)[-1].strip("{}") not in text]
    assert not missing, missing


def test_the_page_is_about_files_that_are_here():
    for path in re.findall(r"`((?:tests|docs|src)/[\w/.-]+)`", PAGE.read_text()):
        assert pathlib.Path(REPOSITORY / path).exists(), path
