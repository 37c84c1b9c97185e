"""gradtier: a measured answer to "does this library work with that AD backend?".

Importing the package imports nothing heavy: no AD library, no NumPy, no pytest.
"""

__version__ = "0.1.0"
