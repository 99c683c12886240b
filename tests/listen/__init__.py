"""Tests of `hotline listen`."""
