"""How to sign in, told once for the documents."""

from .password_rules import RULES

AUTHENTICATION_GUIDE = f"""- **Signing in**: `register` makes an account, which works at once; a letter asks to verify its address. `login` gives an access token (a JWT
  that is good for `expires_in` seconds), sent as `Authorization: Bearer`, and a refresh token. The refresh token is good once: `token_refresh` changes it
  for the next pair. One that comes a second time was stolen, and ends the session with all its tokens. `logout` ends the session, `logout_everywhere` all
  of them; `password_reset` helps who forgot the password.
- **No address is given away**: `login`, `register` and `password_reset` answer alike, and take alike, whether or not an address has an account; letters tell
  its owner. Attempts are counted by account and by client address.
- **API keys** are for programs: made by `api_key_create` (or by the operator: `tradepost create-api-key`), shown once, sent as `X-API-Key` or as
  `Authorization: Bearer`. A key may what its owner may, or less: `scopes` narrow it. It ends by `api_key_delete`, or at its `expires_at`.
- **OAuth2** (RFC 6749): `POST /auth/token` below the version takes a form and knows the grants `password` (the e-mail address is the `username`),
  `refresh_token` (once, as above) and `client_credentials` (the `prefix` and the secret of an API key, by HTTP Basic or in the form; that token ends with
  its key). `scope` narrows the token, for good where it begins a session. Its errors are those of the RFC.
- **Passwords**: {RULES}
"""
