"""The Streamlit app: its pages, what they share, and the server that shows them.

The only folder that may need Streamlit. Does not belong here: queries of people (`access`), what a
figure may be called (`figures`), reports and proofs.
"""
