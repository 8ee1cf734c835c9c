"""Reading files: what becomes of thousands of spoiled ones, and what our care costs beside a bare read."""
