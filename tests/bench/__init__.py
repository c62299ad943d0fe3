"""Measurements that print tables; run one as `python -m tests.bench.<name>`."""
