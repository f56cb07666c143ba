"""Tests of Cordée; run from the root of the repository and never installed."""
