"""The Airflow plugin: the page of ARD orders."""
