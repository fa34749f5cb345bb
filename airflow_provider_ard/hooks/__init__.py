"""A client of the ARD API for an Airflow Connection of type `ard`, masking of secrets, storage."""
