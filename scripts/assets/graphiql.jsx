// GraphiQL against this host's own /graphql.
import { createGraphiQLFetcher } from '@graphiql/toolkit'
import { GraphiQL } from 'graphiql'
import 'graphiql/style.css'
import { createElement } from 'react'
import { createRoot } from 'react-dom/client'

const WELCOME = `# The GraphQL door of Tradepost.
# Ctrl-Space completes, Ctrl-Enter runs.
# The book at the left shows the schema.
#
# A credential goes under "Headers":
# {"X-API-Key": "tp_..."}

{
  products(first: 3) {
    nodes {
      id
      name
    }
  }
}
`

const fetcher = createGraphiQLFetcher({ url: '/graphql', enableIncrementalDelivery: false })
createRoot(document.getElementById('page')).render(createElement(GraphiQL, { fetcher, defaultQuery: WELCOME, shouldPersistHeaders: false }))
