"""What people see: Streamlit over the published database, and over nothing else.

Figures are read from the marts, never computed here; what is done here is choosing and showing them.
"""
