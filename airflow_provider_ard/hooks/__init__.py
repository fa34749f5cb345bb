"""An Airflow Connection of type `ard` turned into a client of the ARD API."""
