"""Is the simulated company believable? Its shapes beside those of real travel companies' public data.

    python -m benchmarks.believable --landing DIR [--write-docs]

Both sides are brought into the same few tables (real.py, simulated.py), every quantity is one query that is
run on both (quantities.yml, shapes.py), and what is compared are distributions, never rows (distances.py).
"""
