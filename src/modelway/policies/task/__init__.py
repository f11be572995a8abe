"""What a request asks for, found out before it is sent: its task, and which model a table has for it.

``analyse.analyse`` reads words and shapes by fixed rules, in microseconds; ``asked`` is for whoever would
rather have a small model say it; ``rules`` is the table. Each is imported by itself: the words of three
languages are loaded where somebody analyses.
"""
