"""The page of orders in Airflow's UI."""
