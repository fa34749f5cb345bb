"""Order Maxar Analysis-Ready Data (ARD) from Airflow."""

__version__ = "0.1.0"
