// The OpenAPI rules and OWASP's API Security Top 10 (2023), both as recommended; warnings fail too.
import { oas } from "@stoplight/spectral-rulesets";
import owasp from "@stoplight/spectral-owasp-ruleset";

/**
 * The same rule, which checks equal examples against equal schemas once: most of the 15,000 examples
 * of a document are those of the same few hundred problems, and the rule compiles the schema of each.
 *
 * Invalid examples are checked each time, because a result names its place.
 */
function once(rule) {
  const valid = new Set();
  // The object of a resolved reference is the same wherever it is used: then no text is compared.
  const validObjects = {};
  function check(media, options, context) {
    // The rule reads of the place only whether it is in a request or in a response.
    const kind = context.path[0] === "paths" ? context.path[3] : context.path[1];
    const objects = (validObjects[kind] ??= new WeakSet());
    if (objects.has(media)) return [];
    const key = JSON.stringify([[...context.document.formats].map(String), kind, media]);
    const results = valid.has(key) ? [] : (rule.then.function(media, options, context) ?? []);
    if (results.length === 0) {
      valid.add(key);
      objects.add(media);
    }
    return results;
  }
  return { ...rule, then: { ...rule.then, function: check } };
}

export default {
  extends: [oas, owasp],
  rules: {
    "oas3-valid-media-example": once(oas.rules["oas3-valid-media-example"]),

    // Rules that are off:
    // CORS is a setting (CORS_ORIGINS), off by default: then no response has the header, and no other origin can read one.
    "owasp:api8:2023-define-cors-origin": "off",
    // The rule allows only one family of headers (`oneOf`); responses have both RateLimit and X-RateLimit-*.
    "owasp:api4:2023-rate-limit": "off",
    // The health checks are never refused, so they have no 429.
    "owasp:api4:2023-rate-limit-responses-429": "off",
    // The rule allows scopes for OAuth 2 only. Since OpenAPI 3.1 every scheme may list the required roles, here
    // permissions. Redocly's security-defined still checks that the schemes are defined.
    "oas3-operation-security-defined": "off",
    // Names, search terms and error details are free text with a maximum length; the rest has a pattern or a format.
    "owasp:api4:2023-string-restricted": "off",
  },
};
