"""Filesystems behind Airflow's `ObjectStoragePath`."""
