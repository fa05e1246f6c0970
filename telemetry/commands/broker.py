"""`gecc broker certificates` and `gecc broker accounts`: what a Mosquitto needs to let in our devices and nobody else.

Both may be run again at any time: what is good stays as it is. What the broker reads lies in `mosquitto/`, and nothing
else does. Passwords lie in `passwords/` until somebody has typed them into the devices and deleted the file; the broker
keeps only their hashes.
"""

from __future__ import annotations

import ipaddress
import os
import re
import shutil
import subprocess
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from collectors.devices import CONVENTIONS
from collectors.formats import FORMATS
from telemetry import broker_accounts as accounts_
from telemetry.commands.common import UNITS
from telemetry.config import DEFAULTS, Config, ConfigError, check
from telemetry.config_reader import Given, parse, read

CA_DAYS, SERVER_DAYS, RENEW_DAYS = 3650, 825, 60
ALWAYS = ("localhost", "127.0.0.1")
"""Names under which the broker may be reached in any case."""


def accounts(args: Namespace) -> int:
    """gecc broker accounts"""
    out: Path = args.out
    wanted = accounts_.accounts_of(_devices_of(args.config))
    names = [account.name for account in wanted]
    if unknown := [name for name in args.renew if name not in names]:
        raise ValueError(f"--renew: no account {unknown[0]!r}; there are {', '.join(names)}")
    passwords = out / "passwords"
    passwords.mkdir(mode=0o700, parents=True, exist_ok=True)
    theirs = _theirs(out)
    file = theirs / "passwd"
    before = accounts_.hashes_in(file.read_text("utf-8")) if file.exists() else {}
    hashes: dict[str, str] = {}
    for name in names:
        kept = before.get(name) if name not in args.renew else None
        if kept is None:
            fresh = accounts_.new_password()
            _write(passwords / _file_of(name), fresh + "\n")
            kept = accounts_.hashed(fresh)
        hashes[name] = kept
    _write(file, accounts_.password_file(hashes), args.owner)
    _write(theirs / "acl", accounts_.acl(wanted), args.owner)
    for gone in before.keys() - hashes.keys():
        (passwords / _file_of(gone)).unlink(missing_ok=True)
        print(f"removed  {gone}")
    for account in wanted:
        where = passwords / _file_of(account.name)
        said = "kept    " if hashes[account.name] == before.get(account.name) else "new     "
        held = f"password in {where}" if where.exists() else "password not kept here"
        print(f"{said} {account.name}: {', '.join(f'{right} {topic}' for right, topic in account.rules)}; {held}")
    print("A broker that runs must read them anew: systemctl reload mosquitto, or docker compose kill -s HUP mosquitto")
    return 0


def _devices_of(file: Path) -> Config:
    """A configuration, whose files for the broker may be missing still: this makes them."""
    given = Given(str(file), file.absolute().parent, {"formats": FORMATS, "kpis": UNITS, "conventions": CONVENTIONS})
    table = parse(file)
    if isinstance(mqtt := table.get("mqtt"), dict):
        table["mqtt"] = {key: value for key, value in mqtt.items() if key not in ("ca_file", "password_file")}
    config: Config = read(Config, {**DEFAULTS, **table}, given)
    check(config, given)
    if given.problems:
        raise ConfigError(given.problems)
    return config


def _theirs(out: Path) -> Path:
    """The folder of what the broker reads."""
    folder = out / "mosquitto"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _file_of(account: str) -> str:
    return account.replace("/", ".")


def _write(path: Path, text: str, owner: str | None = None) -> None:
    """Whole or not at all, for its owner only."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        out.write(text)
    if owner:
        _give(fresh, owner)
    fresh.replace(path)


def _give(path: Path, owner: str) -> None:
    try:
        shutil.chown(path, int(owner) if owner.isdigit() else owner)
    except LookupError:
        raise ValueError(f"--owner: no user {owner!r} on this machine") from None


def certificates(args: Namespace) -> int:
    """gecc broker certificates"""
    out: Path = args.out
    hosts = list(dict.fromkeys([*args.host, *ALWAYS]))
    if wrong := [host for host in hosts if not re.fullmatch(r"[A-Za-z0-9.:-]{1,253}", host)]:
        raise ValueError(f"--host: expected a host name or address, got {wrong[0]!r}")
    names = ",".join(f"{'IP' if _is_address(host) else 'DNS'}:{host}" for host in hosts)
    theirs = _theirs(out)
    ca, ca_key, server, server_key = out / "ca.crt", out / "ca.key", theirs / "server.crt", theirs / "server.key"
    if not ca.exists():
        _certificate(ca, ca_key, "/CN=GECC broker authority", CA_DAYS, [
            "basicConstraints=critical,CA:TRUE,pathlen:0", "keyUsage=critical,keyCertSign,cRLSign",
        ])  # fmt: skip
        print(f"new   {ca}: give it to every device and to gecc.toml (mqtt.ca_file); keep {ca_key} safe")
    if _is_good(server, ca, hosts):
        print(f"kept  {server}: {names}")
        return 0
    extensions = [
        f"subjectAltName={names}", "basicConstraints=critical,CA:FALSE",
        "keyUsage=critical,digitalSignature", "extendedKeyUsage=serverAuth",
    ]  # fmt: skip
    _certificate(
        server, server_key, f"/CN={hosts[0]}", SERVER_DAYS, extensions, ["-CA", str(ca), "-CAkey", str(ca_key)]
    )
    for file in (server, server_key):
        if args.owner:
            _give(file, args.owner)
    print(f"new   {server}: {names}, for {SERVER_DAYS} days; run this again before they end, and reload the broker")
    return 0


def _certificate(
    cert: Path, key: Path, subject: str, days: int, extensions: Sequence[str], signed_by: Sequence[str] = ()
) -> None:
    """One call of openssl; the old files stay until it has succeeded."""
    fresh = {one: one.with_name(one.name + ".new") for one in (cert, key)}
    old = os.umask(0o077)
    try:
        _openssl(
            "req", "-x509", *signed_by, "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc", "-sha256",
            "-days", str(days), "-subj", subject, "-keyout", str(fresh[key]), "-out", str(fresh[cert]),
            *(part for extension in extensions for part in ("-addext", extension)),
        )  # fmt: skip
    finally:
        os.umask(old)
    fresh[cert].chmod(0o644)
    for one, made in fresh.items():
        made.replace(one)


def _is_good(server: Path, ca: Path, hosts: Sequence[str]) -> bool:
    """Whether there is a certificate of this authority, for all of these names, that does not end soon."""
    if not server.exists():
        return False
    asked = [part for host in hosts for part in ("-checkip" if _is_address(host) else "-checkhost", host)]
    answers = [_openssl("x509", "-in", str(server), "-noout", *asked[i : i + 2]) for i in range(0, len(asked), 2)]
    if any("does NOT match" in answer for answer in answers):
        return False
    ends = str(RENEW_DAYS * 86_400)
    lasts = _run("x509", "-in", str(server), "-noout", "-checkend", ends).returncode == 0
    return lasts and _run("verify", "-CAfile", str(ca), str(server)).returncode == 0


def _openssl(*words: str) -> str:
    done = _run(*words)
    if done.returncode != 0:
        raise OSError(f"openssl {words[0]}: {done.stderr.strip()}")
    return done.stdout


def _run(*words: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(["openssl", *words], capture_output=True, text=True, check=False)  # noqa: S603, S607
    except FileNotFoundError:
        raise OSError("openssl is not installed (Debian: apt-get install openssl)") from None


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
