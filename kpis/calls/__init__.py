"""Calls: from the events of any PBX to passages, calls and their measures, and the KPIs of these."""
