"""Monitoring of a stack: alarms, the dashboard and saved queries."""
