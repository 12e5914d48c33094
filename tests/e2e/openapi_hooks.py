"""What schemathesis must know of HTTP that an OpenAPI document cannot say."""

import schemathesis
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi.checks import negative_data_rejection

UNHURRIED_MS = "60000"
RECORDS = ("application/x-ndjson", "text/csv", "application/vnd.apache.arrow.stream", "application/vnd.apache.parquet")


@schemathesis.serializer(*RECORDS)
def bodies_of_records(ctx, value):
    """As it is; what is no text goes as the text of it."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")


@schemathesis.hook
def before_call(context, case, kwargs):
    """A deadline that is over before the work has begun says nothing about the answer."""
    given = str((case.headers or {}).get("X-Timeout-Ms", ""))
    if given.isascii() and given.isdigit() and 1 <= int(given) < int(UNHURRIED_MS):
        case.headers["X-Timeout-Ms"] = UNHURRIED_MS


@schemathesis.check
def bad_requests_are_refused(ctx, response, case):
    """As negative_data_rejection; but a header that nobody knows makes no request bad, and a number or an object is text
    like any other once it stands in a CSV file."""
    if response.status_code == 431:
        return None  # Refused before anybody looked at what it says.
    if case.path == "/feedback" and response.status_code == 200 and response.json()["refused"] > 0:
        return None  # What is wrong with a record refuses that one.
    if any(name.lower() == "x-schemathesis-unknown-property" for name in case.headers or {}):
        return None
    wrong = {location for location, info in case.meta.components.items() if info.mode.is_negative} if case.meta else set()
    if wrong == {ParameterLocation.BODY} and case.media_type in RECORDS:
        return None
    return negative_data_rejection(ctx, response, case)
