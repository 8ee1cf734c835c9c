"""What customers write, read offline: sentiment and cause, learned from the company's own labelled texts."""

from ml.texts.stage import read_texts

__all__ = ["read_texts"]
