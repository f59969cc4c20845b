"""Timings and large simulations; nothing here is asserted by the tests."""
