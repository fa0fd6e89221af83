"""The authentication guide in the description of the OpenAPI documents."""

from .password_rules import RULES

AUTHENTICATION_GUIDE = f"""- **Log-in**: `register` creates an account, which can be used at once, and sends an
  e-mail to verify its address. `login` returns an access token (a JWT that is valid for `expires_in` seconds) and a
  refresh token. Send the access token as `Authorization: Bearer`. `token_refresh` exchanges the refresh token for the
  next pair. A refresh token can be used once. Sent again within 10 seconds (two tabs, a lost answer), it gets the
  same next refresh token; later, it ends the session and all its tokens, because it may have been stolen. A session
  ends after 90 days at the latest (the setting `SESSION_DAYS`). `logout` ends the session, `logout_everywhere` ends
  all sessions of the account, and `password_reset` sends an e-mail to set a new password.
- **Privacy**: `login`, `register` and `password_reset` do not reveal whether an address has an account: the response
  and its timing are the same. The owner of the address is informed by e-mail. Attempts are limited per account and
  per client address.
- **Verified addresses**: anyone can register an address. When it is verified for the first time, all sessions and API
  keys of the account end, unless the request to verify it has the access token of a session of the account.
  `password_reset_confirm` ends all sessions and API keys. An e-mail lists what ended.
- **API keys** are for programs. Create them with `api_key_create` (or, as the operator, with `tradepost
  create-api-key`). It needs a session that began with a log-in within the last hour; otherwise it returns
  `reauthentication_required`: log in again, and use the new access token. A key is shown once; send it as `X-API-Key`
  or as `Authorization: Bearer`. It has the permissions of its owner; `scopes` limit it to some of them. It is valid
  until it is deleted with `api_key_delete` or until its `expires_at`.
- **OAuth 2.0** (RFC 6749): `POST /auth/token`, below the API version, takes a form. It supports the grants `password`
  (`username` is the e-mail address), `refresh_token` (can be used once, as above) and `client_credentials` (the
  `prefix` and the secret of an API key, by HTTP Basic or in the form; such a token stops working with its key).
  `scope` limits the token; if it starts a session, it limits the whole session. Errors are those of the RFC.
- **Passwords**: {RULES}
"""
