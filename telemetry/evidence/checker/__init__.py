"""What lies in every pack so that it can be checked without us: plain Python, standard library, nothing of ours imported."""
