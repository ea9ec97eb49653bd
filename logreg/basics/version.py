"""The version of the package, from which no module that needs it has to import the rest."""

__version__ = "1.0.0"
