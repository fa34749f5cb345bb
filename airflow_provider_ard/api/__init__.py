"""The ARD API in Python: one client, its requests and answers. Imports no Airflow."""
