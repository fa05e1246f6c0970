"""Closed days of each site, frozen, hashed, chained and signed: what an assessor can check without us.

A day stays open for late events for its grace, then it is sealed: its events as records, their Merkle root, the ledger of
its gaps and what the site had declared, under a signed checkpoint that names the one before it. What comes later goes into
an amendment that is itself sealed. A sealed folder never changes.
"""
