"""Servers for the tests, and for anyone who wants to try treering on one: see tools/servers.py."""
