"""Metering: each call is written to the worker's journal before its answer leaves, and shipped to the ledger after."""
