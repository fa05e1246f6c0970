"""The place of what is made from the table of KPIs for Grafana; nothing is made yet."""
