"""The tutorial: its text, README.md, the blocks of it, and what is written from them.

It shows the program and runs it. No other package imports it.
"""
