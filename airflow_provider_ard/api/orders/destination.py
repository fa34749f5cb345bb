"""The destination of an order: a location in object storage, with the credentials to write there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, SecretStr

from airflow_provider_ard.api.delivery.layout import StorageLocation


class Destination(BaseModel):
    """A location in a bucket or container; `prefix` has no slashes around it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prefix: str = ""

    @staticmethod
    def echoed(config: Mapping[str, Any]) -> Destination | None:
        """Return the location in an order's status, without credentials; None if its form is unknown.

        The platforms that were not ordered may be null.
        """
        platforms = {"amazon_s3": config} if config.get("bucket") else config
        for platform, kind, container in (
            ("amazon_s3", S3Destination, "bucket"),
            ("google_cloud_storage", GCSDestination, "bucket"),
            ("azure_blob_storage", AzureDestination, "container"),
        ):
            inner = platforms.get(platform)
            if isinstance(inner, Mapping) and inner.get(container):
                prefix = str(inner.get("prefix") or "").strip("/")
                return kind(**{container: str(inner[container])}, prefix=prefix)
        return None

    @property
    def uri(self) -> str:
        """The location as a URI, for example `s3://bucket/prefix`."""
        raise NotImplementedError

    @property
    def secrets(self) -> tuple[str, ...]:
        """Its secrets, for redaction."""
        return ()

    def to_payload(self) -> dict[str, Any]:
        """Return the `output_config` of the request."""
        raise NotImplementedError


class S3Destination(Destination):
    """A location in Amazon S3. `bare`: sent in the API's short form, without the platform key."""

    bucket: str
    role_arn: str | None = None
    bare: bool = False

    @property
    def uri(self) -> str:
        """The location as `s3://bucket/prefix`."""
        return StorageLocation("s3", self.bucket, self.prefix).uri

    def to_payload(self) -> dict[str, Any]:
        """Return the bare form or the one with the platform key."""
        config = {"bucket": self.bucket, "prefix": self.prefix}
        if self.role_arn:
            config["role_arn"] = self.role_arn
        return config if self.bare else {"amazon_s3": config}


class GCSDestination(Destination):
    """A location in Google Cloud Storage, with base64 service credentials or the ID of stored ones."""

    bucket: str
    service_credentials: SecretStr | None = None
    credentials_id: str | None = None

    @property
    def uri(self) -> str:
        """The location as `gs://bucket/prefix`."""
        return StorageLocation("gs", self.bucket, self.prefix).uri

    @property
    def secrets(self) -> tuple[str, ...]:
        """The service credentials."""
        return _unmask(self.service_credentials)

    def to_payload(self) -> dict[str, Any]:
        """Return the destination as in an order's request."""
        config = {"bucket": self.bucket, "prefix": self.prefix}
        return {"google_cloud_storage": _credentials(config, self, "service_credentials", self.service_credentials)}


class AzureDestination(Destination):
    """A location in Azure Blob Storage, with a SAS URL or the ID of a stored one."""

    container: str
    sas_url: SecretStr | None = None
    credentials_id: str | None = None

    @property
    def uri(self) -> str:
        """The location as `az://container/prefix`."""
        return StorageLocation("az", self.container, self.prefix).uri

    @property
    def secrets(self) -> tuple[str, ...]:
        """The SAS URL."""
        return _unmask(self.sas_url)

    def to_payload(self) -> dict[str, Any]:
        """Return the destination as in an order's request."""
        config = {"container": self.container, "prefix": self.prefix}
        return {"azure_blob_storage": _credentials(config, self, "sas_url", self.sas_url)}


def _credentials(
    config: dict[str, Any], owner: GCSDestination | AzureDestination, name: str, secret: SecretStr | None
) -> dict[str, Any]:
    if owner.credentials_id:
        return config | {"credentials_id": owner.credentials_id}
    return config | {name: secret.get_secret_value()} if secret else config


def _unmask(secret: SecretStr | None) -> tuple[str, ...]:
    return (secret.get_secret_value(),) if secret else ()
