"""The one shared storage under both platforms.

Tables, queries, keys. It knows neither bot nor platforms.
"""
