"""The version of this program; the package, the image and the tag of a release have the same."""

VERSION = "0.2.0"
