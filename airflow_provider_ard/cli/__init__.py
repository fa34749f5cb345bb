"""The command line, which uses a Connection of type `ard`: `airflow ard …` (Airflow 3.2 or newer), or `ard …`."""
