"""The version of this package, as it is installed."""

VERSION = "0.1.0"
