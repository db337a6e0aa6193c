"""One module a format of metric files; `curves.py` says what a module has."""
