"""The support table within other people's documentation.

:mod:`gradtier.embed.sphinx` is an extension for Sphinx, :mod:`gradtier.embed.mkdocs` a plugin for
MkDocs.  Both read ``support.json``, so that they need neither the matrix nor the evidence, and
show as much of it as they are asked to.
"""
