// The REST documentation: Scalar, told to stay at home. Its defaults load fonts, send telemetry, and send "try it" requests through a proxy of
// its maker; each is switched off here, and the page's Content-Security-Policy would refuse them anyway.
import { createApiReference } from '@scalar/api-reference'
import '@scalar/api-reference/style.css'

createApiReference('#page', {
  sources: [
    { title: 'Version 1', slug: 'v1', url: '/v1/openapi.json', default: true },
    { title: 'Version 2', slug: 'v2', url: '/v2/openapi.json' },
  ],
  agent: { disabled: true },
  documentDownloadType: 'direct',
  favicon: '/favicon.svg',
  hideClientButton: true,
  mcp: { disabled: true },
  persistAuth: false,
  proxyUrl: '',
  showDeveloperTools: 'never',
  telemetry: false,
  withDefaultFonts: false,
})
