"""Message trees: read, edit by path copying, diff. Knows schemas and objects; moves no root."""
