"""Tickets of a queue: from the events of kiosks and counters to visits and their measures, and the KPIs of these."""
