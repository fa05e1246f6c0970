"""How many agents or counters are needed, and what will come: Erlang's formulas over half-hours, forecasts."""
