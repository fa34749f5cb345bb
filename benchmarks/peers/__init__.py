"""Orders placed and outages survived: Planet's client, max-ard, Airflow's HTTP operators and this provider."""
