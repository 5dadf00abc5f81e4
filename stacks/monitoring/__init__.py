"""What people see of a running stack: alarms, the dashboard and saved queries."""
