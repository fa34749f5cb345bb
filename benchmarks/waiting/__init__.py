"""What a wait costs: ours beside Airflow's HTTP sensor, dbt Cloud, Databricks and Fivetran."""
