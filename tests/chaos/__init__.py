"""Proofs with real processes: killed, stopped, cut off and flooded between the two local platforms.

Each module is one proof, with a short form for CI in `test_<name>.py` and a long form
`python -m tests.chaos.<name>` that prints every figure beside its bar and exits 1 when one is
missed. What people see on the platforms is the judge; the database is asked only for what no
person can see. `FAULTS.md` beside this folder lists the faults, what is to happen, and the tests.
"""
