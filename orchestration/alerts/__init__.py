"""Alerts: which there are, which are open, who is notified, and how a message is sent.

Does not belong here: what is wrong with data (findings of the pipeline) or with a figure (marts).
"""
