"""What stays open for days: conversations on online channels, complaints and other cases, and the KPIs of these."""
