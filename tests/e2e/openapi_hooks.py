"""What schemathesis must know of HTTP that an OpenAPI document cannot say."""

import schemathesis
from schemathesis.specs.openapi.checks import negative_data_rejection

UNHURRIED_MS = "60000"


@schemathesis.serializer("application/x-ndjson", "text/csv", "application/vnd.apache.arrow.stream", "application/vnd.apache.parquet")
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
    """As negative_data_rejection; but a header that nobody knows makes no request bad."""
    if any(name.lower() == "x-schemathesis-unknown-property" for name in case.headers or {}):
        return None
    return negative_data_rejection(ctx, response, case)
