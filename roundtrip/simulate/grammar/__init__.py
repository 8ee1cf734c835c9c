"""How customers put things: wordings by language (.yml), rules that expand them, the parts of a text."""
