"""The one shared storage under both platforms: tables, queries, keys. It knows neither bot nor platforms."""
