"""Telling people that a run stopped, or that a check warns: nothing is sent unless an address is given.

`tell.tell` is the one function; `settings` says who is told of what.
"""
