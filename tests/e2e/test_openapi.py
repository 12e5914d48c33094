"""GET /openapi.json is what the node does: schemathesis sends what the document allows and what it
forbids, and holds each answer against it."""

import json

from document_fuzz import fuzz, short_and_long
from node import REPOSITORY

DOCUMENT = REPOSITORY / "docs/openapi/tenant_node.json"


def test_the_document_is_the_one_in_the_docs(node):
    status, headers, content = node.client().raw("GET", "/openapi.json")
    assert status == 200 and headers["content-type"] == "application/json"
    assert json.loads(content) == json.loads(DOCUMENT.read_text())
    assert node.client().raw("GET", "/v1/openapi.json")[2] == content


def test_the_document_is_valid_openapi():
    from openapi_spec_validator import validate

    validate(json.loads(DOCUMENT.read_text()))


@short_and_long
def test_answers_follow_the_document(node, figure, examples):
    fuzz(node, DOCUMENT, figure, examples)
