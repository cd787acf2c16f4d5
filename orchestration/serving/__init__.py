"""Servers: starts Streamlit and Dagster, decides who may reach them, and watches for deliveries.

Does not belong here: pages (`makegood.dashboards`) and the asset graph (`definitions`).
"""
