"""Cost of a wait: this provider compared with Airflow's HTTP sensor, dbt Cloud, Databricks and Fivetran."""
