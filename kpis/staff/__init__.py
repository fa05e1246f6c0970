"""Who serves: agents, counters, how their time went, who can serve what, and the KPIs of these."""
