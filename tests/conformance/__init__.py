"""Conformance suites for AgNet, the protocol between a multiplexer and a game server: README.md."""
