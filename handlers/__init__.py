"""The rim: one package per platform, the HTTP server and the composition root.

Everything here may know a platform or a socket; nothing here decides what is said or to whom.
"""
