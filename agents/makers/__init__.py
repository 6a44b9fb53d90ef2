"""Agents among others: policies at the seats of one world."""
