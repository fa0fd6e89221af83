"""Payments of orders.

The provider `manual` stands for money that staff see elsewhere: a bank transfer, or cash on
delivery.
"""
