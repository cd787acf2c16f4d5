"""The Streamlit app: its pages, what they share, and the server.

The only folder that may need Streamlit. Does not belong here: who may see what (`access`), how a
figure is judged (`figures`), reports and proofs.
"""
