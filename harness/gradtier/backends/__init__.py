"""Adapters: one file per AD library, the only places that import it."""
