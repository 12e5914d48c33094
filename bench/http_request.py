"""HTTP to a node: requests encoded for the load generator, and one client for everything that is not on the clock."""

import http.client
import json


def encode(method, target, body=b"", content_type="application/json"):
    """A whole request, as it goes over the wire."""
    if isinstance(body, (dict, list)):
        body = json.dumps(body, separators=(",", ":")).encode()
    head = f"{method} {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    if body or method == "POST":
        head += f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
    return (head + "\r\n").encode() + body


class Refused(Exception):
    pass


class Client:
    """One kept-alive connection."""

    def __init__(self, port, timeout=600):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)

    def call(self, method, target, body=None, content_type="application/json", headers=None):
        """The answer, parsed. `body` may be a file, which is streamed."""
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        headers = {"Content-Type": content_type, **(headers or {})} if body is not None else {}
        self.connection.request(method, target, body, headers)
        response = self.connection.getresponse()
        content = response.read()
        if response.status // 100 != 2:
            raise Refused(f"{method} {target}: {response.status} {content[:300].decode(errors='replace')}")
        return json.loads(content) if content else None

    def close(self):
        self.connection.close()
