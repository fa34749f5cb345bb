"""A demo on this machine: starts an S3 server, the sandbox and a real Airflow, runs the example DAG, stops all."""
