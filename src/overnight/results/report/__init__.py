"""The morning page: what was told by servers and files, made into what a person has to know. Pure.

`gathering` decides what to say, `sections` in which order and words; `text`, `markdown` and `web`
only dress it.
"""
