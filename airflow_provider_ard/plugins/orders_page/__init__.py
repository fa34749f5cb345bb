"""The page of ARD orders in Airflow's UI."""
