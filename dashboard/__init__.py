"""The pages that community leaders browse: a Streamlit app on the figures that etl published."""
