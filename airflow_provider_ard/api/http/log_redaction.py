"""Redact secrets in the log records of HTTP and storage libraries, some of which log signed URLs at DEBUG."""

from __future__ import annotations

import logging

from airflow_provider_ard.api.http.redaction import redact_text

# A filter applies to one logger, not to its children.
LOGGERS = (
    "adlfs.spec",
    "azure.core.pipeline.policies._universal",
    "azure.core.pipeline.policies.http_logging_policy",
    "azure.storage.blob._shared.policies",
    "azure.storage.blob._shared.policies_async",
    "botocore.auth",
    "botocore.endpoint",
    "botocore.httpsession",
    "botocore.parsers",
    "fsspec.http",
    "gcsfs",
    "google.auth.transport.requests",
    "s3fs",
    "urllib3.connectionpool",
    "urllib3.poolmanager",
    "urllib3.util.retry",
)


class SignatureFilter(logging.Filter):
    """Replace signatures, tokens and passwords of URLs, headers and forms in log records."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact the record's message in place, as filters have to before Python 3.12."""
        message = record.getMessage()
        redacted = redact_text(message)
        if redacted != message:
            record.msg, record.args = redacted, None
        return True


_filter = SignatureFilter()


def redact_library_logs() -> None:
    """Redact signed URLs in the log records of these libraries. Idempotent."""
    for name in LOGGERS:
        logging.getLogger(name).addFilter(_filter)
