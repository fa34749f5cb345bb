"""A certificate for localhost and the CA that signs it, generated for each sandbox."""

from dataclasses import dataclass
from pathlib import Path

import trustme


@dataclass(frozen=True)
class TlsFiles:
    """Paths of PEM files: the CA to trust, and the server's key with its certificate chain."""

    ca: Path
    server: Path


def issue(folder: Path) -> TlsFiles:
    """Write the PEM files to a folder; the certificate is valid for localhost and 127.0.0.1."""
    authority = trustme.CA()
    files = TlsFiles(ca=folder / "ca.pem", server=folder / "server.pem")
    authority.cert_pem.write_to_path(str(files.ca))
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    certificate.private_key_and_cert_chain_pem.write_to_path(str(files.server))
    return files


def load_or_issue(folder: Path) -> TlsFiles:
    """Return the PEM files in a folder, issued if missing, so clients trust the sandbox across restarts."""
    files = TlsFiles(ca=folder / "ca.pem", server=folder / "server.pem")
    if not files.server.exists():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        issue(folder)
    return files
