"""The ARD API in Python: one client, its requests and responses. Imports no Airflow."""
