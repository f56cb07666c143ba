"""Faults planted one by one into the code: how many of them the tests notice."""
