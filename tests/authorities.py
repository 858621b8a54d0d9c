"""A time stamp authority for tests: OpenSSL's own, behind HTTP on this machine, and one that nobody trusts."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

_CONFIG = """
[tsa]
default_tsa = stamps
[stamps]
serial = serial
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ess_cert_id_alg = sha256
[ca]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
subjectKeyIdentifier = hash
[signer]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""
_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-config", "tsa.cnf")


def openssl(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run OpenSSL in a folder."""
    command = ["openssl", *arguments]
    return subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)


def make_authority(folder: Path) -> Path:
    """Make the keys and certificates of an authority; `ca.pem` is what its stamps lead to."""
    folder.mkdir()
    (folder / "tsa.cnf").write_text(_CONFIG)
    (folder / "serial").write_text("01")
    for arguments in (
        ("req", "-x509", *_KEY, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=authority", "-extensions", "ca"),
        ("req", *_KEY, "-keyout", "tsa.key", "-out", "tsa.csr", "-subj", "/CN=time stamps"),
        ("x509", "-req", "-in", "tsa.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", "tsa.pem",
         "-extfile", "tsa.cnf", "-extensions", "signer"),
    ):  # fmt: skip
        done = openssl(folder, *arguments)
        assert done.returncode == 0, done.stderr
    return folder


class TimeStamps(HTTPServer):
    """The authority's server. `spoil` changes what it answers with; `status` is its HTTP status.

    `chain` makes it send its whole chain, which OpenSSL does not sort as DER asks.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder = folder
        self.asked = 0
        self.status = 200
        self.chain = False
        self.spoil: Callable[[bytes], bytes] = lambda answer: answer

    @property
    def url(self) -> str:
        """Where it is asked."""
        return f"http://127.0.0.1:{self.server_port}/tsr"

    @property
    def ca(self) -> Path:
        """The certificate its stamps lead to."""
        return self.folder / "ca.pem"

    def answer(self, query: bytes) -> bytes:
        """Return OpenSSL's answer."""
        self.asked += 1
        (self.folder / "query").write_bytes(query)
        done = openssl(
            self.folder, "ts", "-reply", "-config", "tsa.cnf", "-queryfile", "query", "-signer", "tsa.pem",
            "-inkey", "tsa.key", "-out", "answer", *(("-chain", "ca.pem") if self.chain else ()),
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return self.spoil((self.folder / "answer").read_bytes())


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        """Answer a query."""
        assert isinstance(self.server, TimeStamps)
        assert self.headers["Content-Type"] == "application/timestamp-query"
        answer = self.server.answer(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(self.server.status)
        self.send_header("Content-Type", "application/timestamp-reply")
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@contextmanager
def running(folder: Path) -> Iterator[TimeStamps]:
    """Serve the authority in a folder while the block runs."""
    server = TimeStamps(folder)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(scope="session")
def authorities(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return the folders of an authority, and of a stranger."""
    if shutil.which("openssl") is None:
        pytest.skip("the time stamp authority of these tests is the program openssl, which is not here")
    root = tmp_path_factory.mktemp("authorities")
    return make_authority(root / "ours"), make_authority(root / "stranger")


@pytest.fixture
def authority(authorities: tuple[Path, Path], tmp_path: Path) -> Iterator[TimeStamps]:
    """Return a running authority."""
    with running(Path(shutil.copytree(authorities[0], tmp_path / "authority"))) as server:
        yield server
