// Mercurius with its JIT on Fastify: batched loaders, named (prepared) statements. An operation is compiled after its first request.
import Fastify from 'fastify';
import mercurius from 'mercurius';
import pg from 'pg';
import { GraphQLScalarType } from 'graphql';

pg.types.setTypeParser(20, Number); // bigint: amounts stay below 2^53
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10 });
const P = 'p.id, p.slug, p.name, p.description, p.status, p.attributes, p.tags, p.price_from_amount, p.price_from_currency, p.rating_count, p.rating_sum, p.created_at, p.updated_at, p.version, p.category_id';
const SQL = {
  one: `SELECT ${P} FROM product p WHERE p.id = $1 AND p.status = 'active'`,
  products: `SELECT ${P} FROM product p WHERE p.status = 'active' ORDER BY p.created_at DESC, p.id DESC LIMIT $1`,
  category: 'SELECT id, slug, name, description FROM category WHERE id = ANY($1)',
  variants: 'SELECT product_id, id, sku, name, options, price_amount, price_currency, position FROM variant WHERE product_id = ANY($1) ORDER BY position, id',
  categories: 'SELECT id, slug, name, description FROM category ORDER BY position, name, id LIMIT $1',
  shelves: `SELECT c.id AS c_id, p.* FROM unnest($1::uuid[]) AS c(id) CROSS JOIN LATERAL
    (SELECT ${P} FROM product_category pc JOIN product p ON p.id = pc.product_id WHERE pc.category_id = c.id AND p.status = 'active'
     ORDER BY pc.product_created_at DESC, pc.product_id DESC LIMIT $2) p ORDER BY c.id, p.created_at DESC, p.id DESC`,
};
const rows = async (name, values) => (await pool.query({ name, text: SQL[name], values })).rows;
const price = (amount, currency) => (amount === null ? null : { amount, currency });
function product(r) {
  r.priceFrom = price(r.price_from_amount, r.price_from_currency);
  r.ratingCount = r.rating_count;
  r.ratingAverage = r.rating_count ? Math.round((100 * r.rating_sum) / r.rating_count) / 100 : null;
  r.createdAt = r.created_at;
  r.updatedAt = r.updated_at;
  return r;
}
function grouped(keys, found, key) {
  const groups = new Map(keys.map((k) => [k, []]));
  for (const r of found) groups.get(r[key]).push(r);
  return groups;
}

const schema = `
scalar JSON
scalar DateTime
type Money { amount: Int! currency: String! }
type Variant { id: ID! sku: String! name: String! options: JSON! price: Money! position: Int! }
type Category { id: ID! slug: String! name: String! description: String! products(first: Int = 5): [Product!]! }
type Product {
  id: ID! slug: String! name: String! description: String! status: String! attributes: JSON! tags: [String!]! priceFrom: Money ratingCount: Int!
  ratingAverage: Float createdAt: DateTime! updatedAt: DateTime! version: Int! category: Category variants: [Variant!]!
}
type Query { product(id: ID!): Product products(first: Int = 20): [Product!]! categories(first: Int = 20): [Category!]! }
`;
const resolvers = {
  JSON: new GraphQLScalarType({ name: 'JSON' }),
  DateTime: new GraphQLScalarType({ name: 'DateTime', serialize: (value) => value.toISOString() }),
  Query: {
    product: async (_, { id }) => (await rows('one', [id])).map(product)[0] ?? null,
    products: async (_, { first }) => (await rows('products', [first])).map(product),
    categories: (_, { first }) => rows('categories', [first]),
  },
};
const uncached = (loader) => ({ loader, opts: { cache: false } });
const loaders = {
  Product: {
    category: uncached(async (asked) => {
      const found = new Map((await rows('category', [[...new Set(asked.map((a) => a.obj.category_id))]])).map((r) => [r.id, r]));
      return asked.map((a) => found.get(a.obj.category_id) ?? null);
    }),
    variants: uncached(async (asked) => {
      const ids = asked.map((a) => a.obj.id);
      const found = await rows('variants', [ids]);
      for (const r of found) r.price = price(r.price_amount, r.price_currency);
      const groups = grouped(ids, found, 'product_id');
      return ids.map((id) => groups.get(id));
    }),
  },
  Category: {
    products: uncached(async (asked) => {
      const ids = asked.map((a) => a.obj.id);
      const groups = grouped(ids, (await rows('shelves', [ids, asked[0].params.first])).map(product), 'c_id');
      return ids.map((id) => groups.get(id));
    }),
  },
};

const app = Fastify();
app.register(mercurius, { schema, resolvers, loaders, jit: 1 });
await app.listen({ port: Number(process.env.PORT), host: '127.0.0.1' });
