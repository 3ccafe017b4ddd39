"""A private Postfix: its configuration, queue and mailboxes in a folder, its port on the loopback interface.

It takes mail as a submission server does (RFC 6409): only with STARTTLS, only after a login, and puts it into maildirs.
"""

import os
import pwd
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from signal import SIGKILL

import psutil

from crier.local.errors import ServerFailed, ServerMissing, last_lines
from crier.local.ports import accepts, free_port
from crier.local.spawning import launched, spawn
from crier.sandbox.certificate import make_tls
from tests.crier.sandbox.clients import wait_for

USERNAME, PASSWORD = "crier", "correct horse battery staple"
SIZE_LIMIT = 2_000_000
_HOST, _DOMAIN = "mail.example.net", "example.org"

_MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/mail.log
maillog_file_prefixes = {folder}
myhostname = {host}
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
message_size_limit = {size_limit}
virtual_mailbox_domains = {domain}
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = texthash:{folder}/mailboxes
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{uid}
smtpd_tls_security_level = encrypt
smtpd_tls_auth_only = yes
smtpd_tls_cert_file = {folder}/smtp-server.pem
smtpd_sasl_auth_enable = yes
smtpd_sasl_local_domain = {host}
cyrus_sasl_config_path = {folder}/sasl
smtpd_relay_restrictions = permit_sasl_authenticated, reject
default_transport = discard
"""
_MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
127.0.0.1:{silent_port} inet n - n - - smtpd -o smtpd_discard_ehlo_keywords=size
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
error unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""
_SASL = """
pwcheck_method: auxprop
auxprop_plugin: sasldb
sasldb_path: {folder}/sasldb
mech_list: PLAIN LOGIN
"""


class Postfix:
    """The server.

    Parameters:
        folder: its own, in folders that everybody may enter: Postfix runs as several users.
        users: whom it knows at `example.org`.
    """

    def __init__(self, folder: Path, users: Sequence[str]) -> None:
        self.folder = folder
        self.port, self.port_that_hides_its_limit = free_port(), free_port()
        self._users = users
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """The settings that point Crier at it."""
        return {
            "SMTP_HOST": "127.0.0.1",
            "SMTP_PORT": str(self.port),
            "SMTP_USERNAME": f"{USERNAME}@{_HOST}",
            "SMTP_PASSWORD": PASSWORD,
            "SMTP_TLS": "starttls",
            "SMTP_CA_FILE": str(self.folder / "smtp-ca.pem"),
            "SMTP_FROM": "Crier <crier@example.com>",
        }

    def start(self) -> None:
        """Start it; returns when it accepts connections.

        Raises:
            ServerMissing: Postfix or Cyrus SASL is not installed, or this user is not root.
            ServerFailed: it does not start.
        """
        for program in ("postfix", "saslpasswd2"):
            if shutil.which(program) is None:
                raise ServerMissing(f"{program} is not installed: apt install postfix libsasl2-modules sasl2-bin")
        if os.geteuid() != 0:
            raise ServerMissing("Postfix is started by root only")
        self._configure()
        daemons = subprocess.run(["postconf", "-dh", "daemon_directory"], check=True, capture_output=True, text=True)
        master = Path(daemons.stdout.strip()) / "master"
        self._process = spawn(
            launched([str(master), "-c", str(self.folder), "-d"], ends_with_parent=True),
            self.folder, self.folder / "master.log", {},
        )  # fmt: skip
        try:
            wait_for(lambda: accepts(self.port) and accepts(self.port_that_hides_its_limit), 30)
        except AssertionError:
            log = last_lines(self.folder / "master.log") + last_lines(self.folder / "mail.log")
            self.stop()
            raise ServerFailed("Postfix", "it does not accept connections", log) from None

    def stop(self) -> None:
        """Stop it, and every process of its own."""
        if self._process is None:
            return
        running = self._process.poll() is None
        family = psutil.Process(self._process.pid).children(recursive=True) if running else []
        self._process.terminate()
        _, left = psutil.wait_procs(family, timeout=5)
        for process in left:
            process.send_signal(SIGKILL)
        self._process.wait(5)
        self._process = None

    def mails(self, user: str) -> list[bytes]:
        """What was put into a mailbox, oldest first, with the line ends of the wire."""
        files = sorted((self.folder / "mail" / user / "new").glob("*"), key=lambda file: file.stat().st_mtime_ns)
        return [file.read_bytes().replace(b"\n", b"\r\n") for file in files]

    def _configure(self) -> None:
        owner = pwd.getpwnam("nobody")
        for name in ("queue", "data", "sasl", "mail"):
            (self.folder / name).mkdir()
        shutil.chown(self.folder / "data", "postfix")
        shutil.chown(self.folder / "mail", owner.pw_uid, owner.pw_gid)
        make_tls(self.folder)
        values = {
            "folder": self.folder, "host": _HOST, "domain": _DOMAIN, "size_limit": SIZE_LIMIT, "uid": owner.pw_uid,
            "port": self.port, "silent_port": self.port_that_hides_its_limit,
        }  # fmt: skip
        for file, text in (("main.cf", _MAIN), ("master.cf", _MASTER), ("sasl/smtpd.conf", _SASL)):
            (self.folder / file).write_text(text.format_map(values))
        mailboxes = "".join(f"{user}@{_DOMAIN} {user}/\n" for user in self._users)
        (self.folder / "mailboxes").write_text(mailboxes)
        secrets = self.folder / "sasldb"
        login = ["saslpasswd2", "-p", "-c", "-f", str(secrets), "-u", _HOST, USERNAME]
        subprocess.run(login, input=PASSWORD.encode(), check=True, capture_output=True)
        shutil.chown(secrets, "postfix")
        # It makes what the queue needs.
        subprocess.run(["postfix", "-c", str(self.folder), "check"], check=True, capture_output=True)
