"""Node tokens as a gateway of the test's own makes them: with openssl, so that nothing of ours checks itself."""

import base64
import hashlib
import json
import pathlib
import subprocess
import tempfile
import time


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Signer:
    """An Ed25519 key, its key set, and tokens that it signs."""

    def __init__(self, seed=b"k" * 32):
        self.folder = tempfile.TemporaryDirectory()
        self.key = pathlib.Path(self.folder.name) / "key.der"
        self.key.write_bytes(bytes.fromhex("302e020100300506032b657004220420") + seed)
        public = subprocess.run(["openssl", "pkey", "-inform", "DER", "-in", self.key, "-pubout", "-outform", "DER"],
                                capture_output=True, check=True).stdout[-32:]
        self.public = public
        self.kid = b64(hashlib.sha256(json.dumps({"crv": "Ed25519", "kty": "OKP", "x": b64(public)}, separators=(",", ":")).encode()).digest())

    def jwks(self):
        return json.dumps({"keys": [{"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": self.kid, "x": b64(self.public)}]})

    def sign(self, text):
        with tempfile.NamedTemporaryFile() as message:
            message.write(text.encode())
            message.flush()
            return subprocess.run(["openssl", "pkeyutl", "-sign", "-rawin", "-keyform", "DER", "-inkey", self.key, "-in", message.name],
                                  capture_output=True, check=True).stdout

    def token(self, tenant, grants, header=None, **claims):
        now = int(time.time())
        head = {"alg": "EdDSA", "kid": self.kid, "typ": "granary-node+jwt", **(header or {})}
        body = {"iss": "granary", "aud": f"tenant-node/{tenant}", "sub": "u_1", "ten": tenant, "sid": "key:1", "jti": "t", "grants": grants,
                "iat": now, "nbf": now, "exp": now + 60, **claims}
        text = b64(json.dumps(head).encode()) + "." + b64(json.dumps(body).encode())
        return text + "." + b64(self.sign(text))
