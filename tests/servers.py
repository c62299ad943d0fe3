"""A real PostgreSQL and a real S3 interface for tests, each in its own folder on a free port."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

USER, PASSWORD = "shequ", "only-for-this-test"
KEYS = {"AWS_ACCESS_KEY_ID": "only-for-this-test", "AWS_SECRET_ACCESS_KEY": "only-for-this-test"}
PATIENCE = 60.0
# PostgreSQL refuses to run as root; a package of it brings a user of its own.
UNPRIVILEGED = ("postgres", "nobody")


def find_free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def find_postgres() -> Path:
    """The folder with PostgreSQL's programs; the test that asks is skipped where there is none."""
    found = shutil.which("initdb")
    places = [Path(found).resolve().parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for place in places:
        if all((place / name).exists() for name in ("initdb", "postgres", "psql")):
            return place
    if os.environ.get("SHEQU_REQUIRE_POSTGRES") == "1":
        pytest.fail("SHEQU_REQUIRE_POSTGRES=1, but there is no PostgreSQL on this machine")
    pytest.skip("no PostgreSQL on this machine")


def drop_rights() -> dict[str, object]:
    """How to start a program as somebody other than root, where root is who runs the tests."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return {}
    import pwd

    for name in UNPRIVILEGED:
        try:
            who = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": who.pw_uid, "group": who.pw_gid, "extra_groups": []}
    pytest.skip("PostgreSQL does not run as root, and there is nobody else on this machine")


class Postgres:
    """A server of its own: started, stopped, killed and started again, and asked as its owner."""

    def __init__(self, folder: Path) -> None:
        self.programs = find_postgres()
        self.folder = folder
        self.port = find_free_port()
        self._rights = drop_rights()
        self._process: subprocess.Popen[bytes] | None = None
        self._made = 0
        folder.mkdir(parents=True, exist_ok=True)
        if "user" in self._rights:
            os.chown(folder, int(str(self._rights["user"])), int(str(self._rights["group"])))
        secret = folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        self._run(
            "initdb", "-D", folder / "data", "-U", USER, "-A", "scram-sha-256", "-E", "UTF8",
            "--locale=C", f"--pwfile={secret}", "--no-sync",
        )  # fmt: skip

    def _run(self, program: str, *arguments: object) -> str:
        done = subprocess.run(
            [str(self.programs / program), *map(str, arguments)], cwd=self.folder, check=False,
            capture_output=True, text=True, timeout=PATIENCE,
            env={**os.environ, "PGPASSWORD": PASSWORD}, **self._rights,  # type: ignore[call-overload]
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stderr}")
        return str(done.stdout)

    def start(self) -> None:
        """Begin to serve, and wait until it does."""
        settings = {
            "port": self.port, "listen_addresses": "127.0.0.1", "unix_socket_directories": "",
            "fsync": "off", "max_connections": 300, "log_min_messages": "fatal",
        }  # fmt: skip
        told = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(self.programs / "postgres"), "-D", str(self.folder / "data"), *told],
                cwd=self.folder, stdout=log, stderr=log, **self._rights,  # type: ignore[call-overload]
            )  # fmt: skip
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                self.ask("SELECT 1")
                return
            except RuntimeError:
                time.sleep(0.05)
        raise RuntimeError((self.folder / "log").read_text(errors="replace"))

    def stop(self) -> None:
        """End at once, as a server does whose machine is switched off and on."""
        if self._process is None:
            return
        # SIGQUIT: its own children end too, without asking whoever is connected.
        self._process.send_signal(3)
        self._process.wait(timeout=PATIENCE)
        self._process = None

    def ask(self, sql: str, database: str = "postgres") -> str:
        """What psql prints for a statement, run as the owner."""
        return self._run(
            "psql", "-h", "127.0.0.1", "-p", self.port, "-U", USER, "-d", database, "-XAtq",
            "-v", "ON_ERROR_STOP=1", "-c", sql,
        ).strip()  # fmt: skip

    def make_database(self, template: str = "") -> str:
        """A new database, a copy of another one if asked; its name."""
        self._made += 1
        name = f"lake{os.getpid()}_{self._made}"
        if template:
            self.ask(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                f"WHERE datname = '{template}'"
            )
        self.ask(f"CREATE DATABASE {name}" + (f" TEMPLATE {template}" if template else ""))
        return name

    def address(self, database: str, user: str = USER) -> str:
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"


class Objects:
    """An S3 interface in this process; it can be told to fail one write in so many."""

    def __init__(self) -> None:
        from moto.server import DomainDispatcherApplication, create_backend_app
        from werkzeug.serving import WSGIRequestHandler, make_server

        class _Quiet(WSGIRequestHandler):
            def log_request(self, *_: object) -> None:
                pass

        self.fail_every = 0
        self.refusal = ("400 Bad Request", "RequestTimeout")
        self.failed = self.written = 0
        # Requests that are answered only to who names the right key, as by a storage that knows its own.
        self.guarded: tuple[str, ...] = ()
        self._app = DomainDispatcherApplication(create_backend_app)
        self._server = make_server(
            "127.0.0.1", find_free_port(), self._answer, threaded=True, request_handler=_Quiet
        )
        self._made = 0

    def _answer(self, environ, start_response):  # type: ignore[no-untyped-def]
        method = environ["REQUEST_METHOD"]
        said = environ.get("HTTP_AUTHORIZATION", "")
        if method in self.guarded and f"Credential={KEYS['AWS_ACCESS_KEY_ID']}/" not in said:
            body = b"<Error><Code>InvalidAccessKeyId</Code><Message>unknown</Message></Error>"
            start_response("403 Forbidden", [("Content-Length", str(len(body)))])
            return [b"" if method == "HEAD" else body]
        if method in ("PUT", "POST") and self.fail_every:
            self.written += 1
            if self.written % self.fail_every == 0:
                self.failed += 1
                status, code = self.refusal
                body = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
                start_response(status, [("Content-Length", str(len(body)))])
                return [body]
        return self._app(environ, start_response)

    def start(self) -> None:
        import threading

        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def environment(self) -> Mapping[str, str]:
        return {**KEYS, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self._server.server_port}"}

    def make_bucket(self) -> str:
        """A new bucket; its name."""
        self._made += 1
        name = f"bucket{self._made}"
        address = f"http://127.0.0.1:{self._server.server_port}/{name}"
        # Unsigned: the interface takes whoever names a key.
        head = {"Authorization": "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/s3/aws4_request"}
        with urlopen(Request(address, method="PUT", headers=head), timeout=PATIENCE) as answer:
            answer.read()
        return name

    def list_objects(self, bucket: str) -> list[str]:
        """The keys in a bucket."""
        from moto.core import DEFAULT_ACCOUNT_ID
        from moto.s3.models import s3_backends

        return sorted(s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets[bucket].keys)

    def copy_bucket(self, source: str) -> str:
        """A new bucket with the same objects; its name."""
        from moto.core import DEFAULT_ACCOUNT_ID
        from moto.s3.models import s3_backends

        target = self.make_bucket()
        held = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
        for key in self.list_objects(source):
            held.put_object(target, key, held.get_object(source, key).value)
        return target
