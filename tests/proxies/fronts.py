"""nginx and Caddy as children, with the configurations of deploy/ moved to free ports and made-up certificates."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.running import ROOT, eventually

DEPLOY = ROOT / "deploy"
NAME = "localhost"
PROGRAMS = "/usr/sbin:/usr/local/sbin:"
"""Where Debian has nginx, which not everybody's PATH names."""

MAIN = """
{user}
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{}}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {site}
}}
"""
BARE = "server {{ listen 127.0.0.1:{port}; access_log off; location / {{ proxy_pass http://127.0.0.1:{relay}; }} }}"
"""What many write, and no more: HTTP/1.0 to the relay, Host and scheme not passed on."""

CDN = "127.0.0.9"
"""The address of what stands before the proxy: there, visitors have addresses of their own, which here nobody has."""
BEHIND_CDN = {
    "nginx": (
        "    access_log off;\n",
        f"    access_log off;\n    set_real_ip_from {CDN};\n    real_ip_header X-Forwarded-For;\n",
    ),
    "caddy": ("\t\tlb_try_duration 15s\n", f"\t\tlb_try_duration 15s\n\t\ttrusted_proxies {CDN}/32\n"),
}
"""What makes each of them believe it, as deploy/nginx.conf says for nginx."""

OFFLINE = """
	admin off
	auto_https disable_redirects
	skip_install_trust
	default_bind 127.0.0.1
	storage file_system {folder}/storage
"""


def program(name: str) -> str | None:
    """Where a proxy is installed."""
    return shutil.which(name, path=PROGRAMS + os.environ.get("PATH", ""))


def replaced(text: str, *changes: tuple[str, str]) -> str:
    """The text with every one of the changes, each of which has to strike."""
    for old, new in changes:
        assert old in text, f"{old!r} is not in the file any more"
        text = text.replace(old, new)
    return text


def nginx_site(folder: Path, port: int, relay: int) -> str:
    """deploy/nginx.conf for this machine, on one port; port 80's server is on the next free one of its own."""
    return replaced(
        (DEPLOY / "nginx.conf").read_text(encoding="utf-8"),
        ("127.0.0.1:8000", f"127.0.0.1:{relay}"),
        ("    listen [::]:80;\n", ""),
        ("    listen [::]:443 ssl;\n", ""),
        ("listen 80;", f"listen unix:{folder}/plain.sock;"),
        ("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
        ("/etc/letsencrypt/live/leads.example.com/fullchain.pem", f"{folder}/certificate.pem"),
        ("/etc/letsencrypt/live/leads.example.com/privkey.pem", f"{folder}/key.pem"),
        ("/var/log/nginx/lead-relay.error.log", f"{folder}/lead-relay.error.log"),
        ("leads.example.com", NAME),
    )


def write_nginx(folder: Path, site: str) -> list[str]:
    """The command that runs nginx on a site's configuration, its files all in `folder`."""
    file = folder / "nginx.conf"
    user = "user root;" if os.geteuid() == 0 else ""
    file.write_text(MAIN.format(user=user, folder=folder, site=site), encoding="utf-8")
    return [program("nginx") or "nginx", "-e", str(folder / "start.log"), "-p", str(folder), "-c", str(file)]


def make_certificate(folder: Path) -> None:
    """A certificate that nobody else believes in."""
    asked = ["-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={NAME}"]
    files = ["-keyout", f"{folder}/key.pem", "-out", f"{folder}/certificate.pem"]
    subprocess.run(["openssl", "req", *asked, *files], check=True, capture_output=True)


@contextmanager
def nginx(folder: Path, port: int, relay: int, *changes: tuple[str, str]) -> Iterator[None]:
    """nginx with deploy/nginx.conf, and with `changes` of it, on HTTPS."""
    make_certificate(folder)
    command = write_nginx(folder, replaced(nginx_site(folder, port, relay), *changes))
    with _running(command, folder, lambda: speaks_tls(port)):
        yield


@contextmanager
def bare_nginx(folder: Path, port: int, relay: int) -> Iterator[None]:
    """nginx as people set it up in a hurry."""
    with _running(write_nginx(folder, BARE.format(port=port, relay=relay)), folder, lambda: listens(port)):
        yield


@contextmanager
def caddy(folder: Path, port: int, relay: int, *changes: tuple[str, str]) -> Iterator[None]:
    """Caddy with deploy/Caddyfile, and with `changes` of it, on HTTPS with a certificate of its own making."""
    file = folder / "Caddyfile"
    text = (DEPLOY / "Caddyfile").read_text(encoding="utf-8")
    offline = OFFLINE.format(folder=folder)
    file.write_text(
        replaced(
            text,
            ("\tgrace_period 20s\n", f"\tgrace_period 2s\n{offline}"),
            ("relay:8000", f"127.0.0.1:{relay}"),
            *changes,
        ),
        encoding="utf-8",
    )
    run = [program("caddy") or "caddy", "run", "--adapter", "caddyfile", "--config", str(file)]
    own = {"PUBLIC_URL": f"https://{NAME}:{port}", "HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with _running(run, folder, lambda: speaks_tls(port), own):
        yield


@contextmanager
def _running(
    command: list[str], folder: Path, is_up: Callable[[], bool], own: Mapping[str, str] | None = None
) -> Iterator[None]:
    with (folder / "proxy.log").open("ab") as log:
        process = subprocess.Popen(command, env={**os.environ, **(own or {})}, stdout=log, stderr=log)
    try:
        eventually(lambda: is_up() or process.poll() is not None, "the proxy answers", 30)
        assert process.poll() is None, (folder / "proxy.log").read_text()
        yield
    finally:
        process.terminate()
        process.wait(30)


def listens(port: int) -> bool:
    """Whether somebody takes connections there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def speaks_tls(port: int) -> bool:
    """Whether somebody shows a certificate there."""
    try:
        with socket.create_connection(("127.0.0.1", port), 5) as plain:
            believing().wrap_socket(plain, server_hostname=NAME).close()
    except OSError:
        return False
    return True


def believing() -> ssl.SSLContext:
    """TLS that believes anybody, as the certificates here are made up."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
