"""The case of accounts: one EntityCase per resource, and what logging in returns."""

from tests.areas.accounts.case.acknowledgements import ACKNOWLEDGEMENT
from tests.areas.accounts.case.addresses import ADDRESSES
from tests.areas.accounts.case.api_keys import API_KEY
from tests.areas.accounts.case.tokens import TOKEN_PAIR, TOKEN_RESPONSE
from tests.areas.accounts.case.users import USER
from tests.parity.case import AreaCase

CASE = AreaCase(entities=(USER, ADDRESSES, API_KEY), results=(ACKNOWLEDGEMENT, TOKEN_PAIR, TOKEN_RESPONSE))
