"""What is made from the table of KPIs for Grafana and Prometheus: dashboards, recording rules and alerts, as files."""
