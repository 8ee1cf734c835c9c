"""One person across accounts: which customer ids belong together, from what the vault knows of them.

`stage.identify` is the stage; `settings` says what a company decides about it.
"""
