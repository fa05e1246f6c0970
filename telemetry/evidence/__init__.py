"""What an assessor can check without us: criteria as data, figures against them, sealed days, the pack and its verifier."""
