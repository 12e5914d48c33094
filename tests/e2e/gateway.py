"""An Auth Gateway and the nodes of its tenants, as tests use them."""

import contextlib
import re
import socket
import threading
import time

from node import Client, Node, free_port
from service import Service

CHEAP = {"PASSWORD_MEMORY_KB": "64", "PASSWORD_PASSES": "1", "RATE_KEY_PER_SECOND": "0", "RATE_USER_PER_SECOND": "0",
         "RATE_TENANT_PER_SECOND": "0"}

ROWS = [{"order_id": f"O{i}", "amount": i} for i in range(20)]


class KeyClient(Client):
    """A client that shows a key or token with each request."""

    def __init__(self, port, credential, timeout=60):
        super().__init__(port, timeout)
        self.credential = credential

    def raw(self, method, target, body=None, headers=None):
        return super().raw(method, target, body, {"Authorization": f"Bearer {self.credential}", **(headers or {})})


class Gateway(Service):
    def __init__(self, folder, env=None):
        super().__init__("auth-gateway", "AUTH_GATEWAY_PORT", folder, {**CHEAP, **(env or {})})

    def first_key(self):
        return re.search(r"gk_[0-9a-f]{16}_[0-9A-Za-z]{43}", self.log())[0]

    def caller(self, credential=None, timeout=60):
        return KeyClient(self.port, credential or self.first_key(), timeout)

    def user(self, name, roles, tenant=None, password="a long password"):
        body = {"username": name, "password": password, "roles": roles}
        if tenant:
            body["tenant_id"] = tenant
        return self.caller().call("POST", "/auth/users", body)

    def log_in(self, name, tenant=None, password="a long password"):
        body = {"username": name, "password": password, **({"tenant_id": tenant} if tenant else {})}
        return self.client().call("POST", "/auth/login", body)

    def key(self, user_id, scope=None):
        body = {"user_id": user_id, "name": "test", **({"scope": scope} if scope is not None else {})}
        return self.caller().call("POST", "/auth/keys", body)["key"]


class Estate:
    """A gateway before a node for each tenant, or `shared`: before one node for all of them."""

    def __init__(self, folder, tenants=("acme",), gateway_env=None, node_env=None, node_args=(), shared=False):
        ports = dict.fromkeys(tenants, free_port()) if shared else {tenant: free_port() for tenant in tenants}
        urls = ",".join(f"{tenant}=http://127.0.0.1:{port}" for tenant, port in ports.items())
        self.gateway = Gateway(folder / "gateway", {"TENANT_ID": tenants[0], "TENANT_NODE_URLS": urls, **(gateway_env or {})}).start()
        self.nodes = {}
        for tenant, port in ports.items():
            if shared and self.nodes:
                self.nodes[tenant] = self.nodes[tenants[0]]
                continue
            (folder / tenant).mkdir()
            whom = {"NODE_CAPACITY": str(len(tenants)), "TENANT_IDS": ",".join(tenants)} if shared else {"TENANT_ID": tenant}
            node = Node(folder / tenant, {**whom, "GATEWAY_JWKS": f"http://127.0.0.1:{self.gateway.port}/auth/jwks.json",
                                          "REST_PORT": str(port), **(node_env or {})}, args=node_args)
            node.port = port
            self.nodes[tenant] = node.start()
        self.admins = {tenants[0]: self.gateway.first_key()}
        for tenant in tenants[1:]:
            self.admins[tenant] = self.gateway.key(self.gateway.user("boss", ["admin"], tenant)["user_id"])

    def admin(self, tenant=None, timeout=60):
        return self.gateway.caller(self.admins[tenant or next(iter(self.nodes))], timeout)

    def close(self):
        for service in [*set(self.nodes.values()), self.gateway]:
            service.close()


class Spy:
    """A gateway, and a test in the place of its node."""

    def __init__(self, gateway, server):
        self.gateway = gateway
        self.server = server

    def exchange(self, method, target, body=None, headers=None, answer=b"HTTP/1.1 200 OK\r\nGranary-Service: tenant-node\r\nContent-Length: 2\r\n\r\n{}"):
        """One request through the gateway: what came of it here, and what its client got for `answer`."""
        got = []
        thread = threading.Thread(target=lambda: got.append(self.gateway.caller().raw(method, target, body, headers)))
        thread.start()
        connection, _ = self.server.accept()
        with connection:
            seen = connection.recv(65536).decode()
            connection.sendall(answer)
        thread.join()
        return seen, got[0]


@contextlib.contextmanager
def spied(folder, **env):
    with socket.create_server(("127.0.0.1", 0)) as server:
        gateway = Gateway(folder, {"TENANT_NODE_URL": f"http://127.0.0.1:{server.getsockname()[1]}", **env}).start()
        try:
            yield Spy(gateway, server)
        finally:
            gateway.close()


def node_token_of(estate):
    """What a gateway of acme tells a node, as somebody in its place sees it."""
    with spied(estate.gateway.folder / f"spy-{time.monotonic_ns()}", TENANT_ID="acme") as spy:
        return re.search(r"(?i)granary-token: (\S+)", spy.exchange("GET", "/sources")[0])[1]
