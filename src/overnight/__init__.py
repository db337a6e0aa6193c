"""overnight: an ML experiment from an idea to trained, compared results, through the night."""

__version__ = "0.1.0"
