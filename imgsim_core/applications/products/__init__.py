"""Photographs matched with a shop's catalogue: which product is this, if it is one at all?"""
