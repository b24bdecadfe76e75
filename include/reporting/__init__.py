"""Monthly reporting of consumer credit to the central bank's credit reporting system."""

__version__ = "0.1.0"
