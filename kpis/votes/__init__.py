"""Votes: presses of satisfaction buttons and answers of questionnaires, and the KPIs of these."""
