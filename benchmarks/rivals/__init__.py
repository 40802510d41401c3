"""What treering is measured beside: one file for each rival, at its honest best."""
