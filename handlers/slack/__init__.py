"""Slack: payloads in, Block Kit out, and the Bolt application between them and the inbox.

This package refuses to know what is said and who may do what; it knows Slack's shapes, limits and
manners.
"""
