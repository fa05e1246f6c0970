"""Who was heard of: sources, devices, coverage, the quality of data, and the KPIs of these."""
