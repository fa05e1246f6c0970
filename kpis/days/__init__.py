"""Days of a centre, and its contacts of every kind, and the KPIs of these."""
