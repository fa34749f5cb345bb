"""The whole path on this machine: S3, the sandbox and a real Airflow, started, followed and stopped."""
