"""The parts of the HTML report: what a result says, as texts, drawings and tables."""
